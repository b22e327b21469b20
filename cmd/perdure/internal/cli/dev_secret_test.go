package cli_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// plantedSecret begins all secrets of leaky.
const plantedSecret = "4111-secret"

// leaky has secrets in its input, results, states, errors, panics, logs of failures, branches and
// its end. It waits for a callback before it ends as its input says.
const leaky = `package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

const secret = "` + plantedSecret + `"

func leaky(ctx op.Context, in string) (string, error) {
	never := op.WithRetry(retry.Never())
	read, err := replay.Run(ctx, op.Step("read", func(context.Context) (string, error) { return in + secret, nil }))
	if err != nil {
		return "", err
	}
	_, declined := replay.Run(ctx, op.Step("decline", func(context.Context) (string, error) { return "", errors.New(secret) }, never))
	_, panicked := replay.Run(ctx, op.Step("panic", func(context.Context) (string, error) { panic(secret) }, never))
	tried, err := replay.Run(ctx, op.Step("tries", func(ctx context.Context) (string, error) {
		switch info, _ := op.InfoFrom(ctx); info.Attempt {
		case 1:
			return "", retry.Again(secret + " of a state")
		case 2:
			return "", errors.New(secret + " of a retry")
		}
		s, _, err := op.StateFrom[string](ctx)
		return s, err
	}, op.WithRetry(retry.Fixed(time.Second, retry.MaxAttempts(5)))))
	if err != nil {
		return "", err
	}
	all, err := replay.Run(ctx, op.Map("all", []string{secret + " 1", secret + " 2"}, op.GroupFunc("each", func(ctx op.Context, s string) (string, error) {
		return s, replay.Exec(ctx, op.Wait("nap", time.Second))
	})))
	if err != nil {
		return "", err
	}
	first := op.WaitForCallback[string]("ask", func(context.Context, string) error { return errors.New(secret + " of a submitter") }, op.WithSubmit(never))
	_, refused := replay.Run(ctx, first)
	answer, err := replay.Run(ctx, op.WaitForCallback[string]("WAITS", func(context.Context, string) error { return nil }))
	v := fmt.Sprint(read, declined, panicked, tried, all.Values(), refused, answer)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", v, err)
	case strings.HasPrefix(in, "fail"):
		return "", errors.New(v)
	case strings.HasPrefix(in, "panic"):
		panic(v)
	}
	return v, nil
}

func main() {
	c := codec.Chain(codec.JSON(), SEAL(seal.New(seal.File(os.Getenv("LEAKY_KEYS")))))
	lambda.Start(replay.Handler(leaky, replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c), replay.WithStackTraces()))
}
`

// TestDevLeavesNoSecretBehind: with sealing on, no secret stands in what perdure dev prints, in its
// files, in what its API and its page answer, and in what commands print, after executions that
// succeeded, failed, panicked, were retried and waited for callbacks, nor when code has changed.
func TestDevLeavesNoSecretBehind(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a function")
	}
	for name, tt := range map[string]struct {
		wrap string // of the transform
		want []string
	}{
		"sealed":                           {"codec.Required", nil},
		"plain, so that the search is one": {"codec.ReadOnly", []string{"API", "commands", "dev", "files", "page"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := leaksOfDev(t, tt.wrap); !slices.Equal(got, tt.want) {
				t.Errorf("there are secrets in %q, want them in %q", got, tt.want)
			}
		})
	}
}

// leaksOfDev returns the names of the places that hold a secret.
func leaksOfDev(t *testing.T, wrap string) []string {
	t.Helper()
	w := newWorkshop(t)
	keys := keyFile(t, t.TempDir(), "now")
	w.env = append(w.env, "LEAKY_KEYS="+keys)
	code := strings.Replace(leaky, "SEAL", wrap, 1)
	w.write("greet/main.go", strings.Replace(code, "WAITS", "approve", 1))
	found := make(map[string]bool)
	look := func(name, text string) { found[name] = found[name] || strings.Contains(text, plantedSecret) }

	p, endpoint := w.dev()
	command := func(args ...string) outcome {
		got := w.run(endpoint, args...)
		look("commands", got.out+got.err)
		return got
	}
	input := func(text string) string {
		c := codec.JSON()
		if wrap == "codec.Required" {
			c = codec.Chain(codec.JSON(), seal.New(seal.File(keys)))
		}
		p, err := codec.Encode(t.Context(), c, codec.Meta{
			ExecutionARN: "arn:aws:lambda:us-east-1:123456789012:function:caller", Part: codec.PartInput, Function: "greet",
		}, text+plantedSecret)
		if err != nil {
			t.Fatal(err)
		}
		return string(p)
	}
	for _, name := range []string{"succeed", "fail", "panic", "refused", "waits"} {
		if got := command("start", "greet", input(name), "--name", name); got.code != cli.ExitOK {
			t.Fatalf("%+v", got)
		}
	}
	for _, name := range []string{"succeed", "fail", "panic"} {
		command("callback", "succeed", w.asking(endpoint, name), "--text", "yes")
	}
	command("callback", "fail", w.asking(endpoint, "refused"), "--type", "no", "--message", "never")
	held := w.asking(endpoint, "waits")
	for name, status := range map[string]string{"succeed": "SUCCEEDED", "fail": "FAILED", "panic": "FAILED", "refused": "FAILED"} {
		w.ended(endpoint, name, status)
	}

	// The code changes, and does not fit what waits.
	w.write("greet/main.go", strings.Replace(code, "WAITS", "agree", 1))
	p.await(`waits would diverge`)
	command("compat", "./greet")
	command("callback", "succeed", held, "--text", "yes") // it goes on, and is paused
	p.await(`waits: paused`)
	for _, name := range []string{"succeed", "fail", "panic", "refused", "waits"} {
		for _, args := range [][]string{{"show", name}, {"show", name, "--all", "-o", "json"}, {"show", name, "--timeline"}, {"show", name, "-o", "html"}, {"history", name, "-o", "json"}} {
			command(args...)
		}
		arn := w.arnOf(endpoint, name)
		look("API", (&site{t: t}).ask(http.DefaultClient, endpoint+"/2025-12-01/durable-executions/"+url.PathEscape(arn)))
		look("API", (&site{t: t}).ask(http.DefaultClient, endpoint+"/2025-12-01/durable-executions/"+url.PathEscape(arn)+"/history?IncludeExecutionData=true"))
		look("API", (&site{t: t}).ask(http.DefaultClient, endpoint+"/perdure/durable-executions/"+url.PathEscape(arn)+"/log"))
		look("page", w.seen(endpoint, arn))
	}
	for _, args := range [][]string{{"list"}, {"stats"}, {"stats", "-o", "json"}, {"record", "greet", "--redact", "--keep", "nothing", "--dir", "histories"}} {
		command(args...)
	}
	files := func() {
		t.Helper()
		n := 0
		err := filepath.WalkDir(filepath.Join(w.dir, ".perdure"), func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || strings.Contains(name, "-bin") { // the program itself has the text
				return err
			}
			text, err := os.ReadFile(name)
			look("files", string(text))
			n++
			return err
		})
		if err != nil || n < 2 {
			t.Fatalf("%d files, %v", n, err)
		}
	}
	files() // with the log that SQLite writes ahead
	p.end(os.Interrupt)
	files()
	look("dev", p.said.String())
	var list []string
	for name, shows := range found {
		if shows {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// ended waits until an execution has a status.
func (w *workshop) ended(endpoint, name, status string) {
	w.t.Helper()
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(50 * time.Millisecond) {
		if got := w.run(endpoint, "show", name, "-o", "json"); strings.Contains(got.out, `"status": "`+status+`"`) {
			return
		}
	}
	w.t.Fatalf("%s is not %s: %+v", name, status, w.run(endpoint, "show", name))
}

func (w *workshop) arnOf(endpoint, name string) string {
	w.t.Helper()
	var shown struct {
		ARN string `json:"executionArn"`
	}
	got := w.run(endpoint, "show", name, "-o", "json")
	if err := json.Unmarshal([]byte(got.out), &shown); err != nil {
		w.t.Fatalf("%v: %+v", err, got)
	}
	return shown.ARN
}

// asking waits until an execution waits for its last callback, and returns that.
func (w *workshop) asking(endpoint, name string) (callback string) {
	w.t.Helper()
	re := regexp.MustCompile(`callback "(?:approve|agree)-callback".*perdure callback succeed (\S+)`)
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(50 * time.Millisecond) {
		if m := re.FindStringSubmatch(w.run(endpoint, "show", name).out); m != nil {
			return m[1]
		}
	}
	w.t.Fatalf("execution %s does not wait for its callback: %+v", name, w.run(endpoint, "show", name))
	return ""
}

// seen returns what a page shows of an execution.
func (w *workshop) seen(endpoint, arn string) string {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	s, client := &site{t: w.t}, &http.Client{Jar: jar, Timeout: 20 * time.Second}
	s.ask(client, endpoint+"/")
	var all strings.Builder
	query := "?arn=" + url.QueryEscape(arn)
	for _, path := range []string{"executions", "execution" + query, "history" + query, "logs" + query, "payload" + query + "&of=input", "inputs?function=greet"} {
		all.WriteString(s.ask(client, endpoint+"/ui/"+path))
	}
	return all.String()
}
