package cli_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/compress"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/filestore"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// Secrets of the executions below: none may be shown without keys.
const (
	secretInput   = "input-4711"
	secretResult  = "result-4712"
	secretInvoke  = "invoke-4713"
	secretFailure = "failure-4714"
	secretLarge   = "large-4715"
	secretRetried = "retried-4716"
)

// vault is a site whose payloads are compressed, sealed and kept in a folder.
type vault struct {
	*site
	keys, otherKeys, objects string
}

func newVault(t *testing.T) *vault {
	t.Helper()
	dir := t.TempDir()
	v := &vault{site: newSite(t), objects: filepath.Join(dir, "objects")}
	v.keys, v.otherKeys = keyFile(t, dir, "now"), keyFile(t, dir, "other")
	store, err := filestore.Open(v.objects)
	if err != nil {
		t.Fatal(err)
	}
	chain := codec.Chain(codec.JSON(), compress.Zstd(), seal.New(seal.File(v.keys)), offload.New(store, offload.WithThreshold(2000)))
	with := []replay.HandlerOption{replay.WithCodec(chain), replay.WithHandlerCodec(chain), replay.WithErrorCodec(chain)}
	for name, f := range map[string]lambda.Handler{"vault": replay.Handler(sealedOrder, with...), "sealed": replay.Handler(sealedPayment, with...)} {
		if err := v.service.Host(name, f); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// keyFile writes a file with one key.
func keyFile(t *testing.T, dir, id string) string {
	t.Helper()
	name := filepath.Join(dir, id+".keys")
	secret := strings.Repeat(id+" ", 32)[:32]
	if err := os.WriteFile(name, []byte(id+" "+base64.StdEncoding.EncodeToString([]byte(secret))+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func sealedOrder(ctx op.Context, in string) (string, error) {
	if _, err := replay.Run(ctx, op.Step("card", func(context.Context) (string, error) { return secretResult, nil })); err != nil {
		return "", err
	}
	if _, err := replay.Run(ctx, op.Invoke[string]("charge", "sealed", secretInvoke)); err != nil {
		return "", err
	}
	text := make([]byte, 6000)
	draw := rand.New(rand.NewPCG(1, 2)) // what compression does not make much shorter
	for i := range text {
		text[i] = 'a' + byte(draw.IntN(26))
	}
	if _, err := replay.Run(ctx, op.Step("large", func(context.Context) (string, error) { return secretLarge + string(text), nil })); err != nil {
		return "", err
	}
	again := op.Retry("again", op.Step("passed", func(context.Context) (string, error) { return secretRetried, nil }), retry.Fixed(time.Second))
	if _, err := replay.Run(ctx, again); err != nil {
		return "", err
	}
	err := replay.Exec(ctx, op.Do("refuse", func(context.Context) error { return retry.Permanent(errors.New("no: " + secretFailure)) }))
	if err == nil {
		return "", errors.New("it was not refused")
	}
	return in, replay.Exec(ctx, op.Wait("cool-off", time.Hour))
}

func sealedPayment(_ op.Context, in string) (string, error) { return in + " paid", nil }

// What is sealed and kept elsewhere is shown with keys and a folder, and with nothing less.
func TestOpening(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	if got := v.run("start", "vault", `"`+secretInput+`"`, "--name", "V-1"); got.code != cli.ExitOK {
		t.Fatalf("%+v", got)
	}
	v.advance(2 * time.Hour)
	// The input comes from outside, in plain text: it is in the history whatever the function does.
	sealed := []string{secretResult, secretInvoke, secretFailure, secretLarge, secretRetried}
	tests := []struct {
		reason      string
		flags       []string
		shown, kept []string
		says        string
	}{
		{"nothing is opened by itself", nil, nil, sealed, ""},
		{"compression hides nothing", []string{"--unpack"}, nil, sealed, `the result of operation "card" stays closed: `},
		{
			"keys open what stands in the history",
			[]string{"--keyring", v.keys},
			[]string{secretResult, secretInvoke, secretFailure, secretRetried},
			[]string{secretLarge},
			`the result of operation "large" stays closed: `,
		},
		{"a store without keys opens nothing", []string{"--objects", v.objects}, nil, sealed, `the result of operation "large" stays closed: `},
		{"keys and store open all", []string{"--keyring", v.keys, "--objects", v.objects}, sealed, nil, ""},
		{"other keys open nothing", []string{"--keyring", v.otherKeys, "--objects", v.objects}, nil, sealed, `"now"`},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			for _, command := range [][]string{{"show", "V-1"}, {"history", "V-1"}, {"history", "V-1", "--follow"}, {"show", "V-1", "-o", "json"}, {"history", "V-1", "-o", "json"}} {
				got := v.run(append(command, tt.flags...)...)
				if got.code != cli.ExitOK {
					t.Errorf("%v: %+v", command, got)
				}
				for _, s := range tt.shown {
					if !strings.Contains(got.out, s) {
						t.Errorf("%v does not show %s:\n%s%s", command, s, got.out, got.err)
					}
				}
				for _, s := range tt.kept {
					if strings.Contains(got.out+got.err, s) {
						t.Errorf("%v shows %s:\n%s%s", command, s, got.out, got.err)
					}
				}
				if !strings.Contains(got.err, tt.says) || tt.says == "" && got.err != "" {
					t.Errorf("%v says %q, and not %q", command, got.err, tt.says)
				}
			}
		})
	}
}

// A callee's execution is opened like its caller's: its input was sealed there.
func TestOpeningACallee(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.run("start", "vault", `"in"`, "--name", "V-1")
	v.settle()
	for _, e := range v.service.Executions() {
		if !strings.Contains(e.ARN(), ":function:sealed:") {
			continue
		}
		got := v.run("show", e.ARN())
		if strings.Contains(got.out, secretInvoke) {
			t.Errorf("shown without keys:\n%s", got.out)
		}
		got = v.run("show", e.ARN(), "--keyring", v.keys)
		if want := secretInvoke + " paid"; !strings.Contains(got.out, want) || strings.Count(got.out, secretInvoke) != 2 || got.err != "" {
			t.Errorf("want input and result %q:\n%s%s", want, got.out, got.err)
		}
		return
	}
	t.Error("nothing was invoked")
}

// What was sealed elsewhere is not shown as if it belonged here.
func TestOpeningWhatWasMoved(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.run("start", "vault", `"in"`, "--name", "V-1")
	v.settle()
	var stolen string
	for _, e := range v.service.Executions() {
		for _, o := range e.Operations() {
			if o.Name == "card" {
				stolen = o.Payload.String()
			}
		}
	}
	steal := func(context.Context) (json.RawMessage, error) { return json.RawMessage(stolen), nil }
	thief := replay.Handler(func(ctx op.Context, _ string) (string, error) {
		if err := replay.Exec(ctx, op.Step("card", steal)); err != nil {
			return "", err
		}
		return "", replay.Exec(ctx, op.Step("other", steal))
	})
	if err := v.service.Host("thief", thief); err != nil {
		t.Fatal(err)
	}
	v.run("start", "thief", `"in"`, "--name", "T-1")
	v.settle()
	got := v.run("show", "T-1", "--keyring", v.keys)
	for _, want := range []string{
		`the result of operation "other" stays closed: `,
		"seal: the payload was sealed for another place",
		`the result of operation "card" was sealed in execution`,
	} {
		if !strings.Contains(got.err, want) {
			t.Errorf("no %q in:\n%s%s", want, got.out, got.err)
		}
	}
	if strings.Count(got.out, secretResult) != 1 {
		t.Errorf("want the result of card alone, with the warning:\n%s", got.out)
	}
}

// What a function has sealed that is invoked inside of a batch is not taken for that of a fork. Of
// a fork it is said once which execution it is from.
func TestOpeningAFork(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	d.do("start", "sale", "5", "--name", "S-1")
	d.do("fork", "S-1", "-f", "sale", "--before", "cool-off")
	d.advance(11 * time.Hour)
	for name, warnings := range map[string]int{"S-1": 0, "S-1-fork-1": 1} {
		for _, form := range []string{"text", "json"} {
			got := d.run("show", name, "-f", "sale", "-o", form, "--keyring", d.keys, "--objects", d.objects)
			if n := strings.Count(got.err, "\n"); n != warnings || strings.Count(got.err, "must be a fork") != warnings {
				t.Errorf("%d lines of %s, want %d: %s", n, name, warnings, got.err)
			}
			for _, want := range []string{"bill over 5", "bill over 6", "bill over 7", "bill over -5: declined", "sale of 5"} {
				if !strings.Contains(got.out, want) {
					t.Errorf("%s does not show %q:\n%s", name, want, got.out)
				}
			}
		}
	}
}

// Flags that name nothing are refused before anything is read.
func TestOpeningIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	missing := filepath.Join(t.TempDir(), "missing")
	for _, tt := range []struct{ flag, value, says string }{
		{"--keyring", missing, "a key of AWS KMS is written kms:KEY"},
		{"--keyring", "kms:", "kms: names no key"},
		{"--objects", missing, "a bucket is written s3://BUCKET"},
		{"--objects", os.Args[0], "is no folder"},
		{"--objects", "s3://", "s3:// names no bucket"},
	} {
		if got := s.run("show", "arn:aws:x", tt.flag, tt.value); got.code != cli.ExitUsage || !strings.Contains(got.err, tt.says) {
			t.Errorf("%s %s: %+v", tt.flag, tt.value, got)
		}
	}
}

// The page opens payloads with keys when it is asked to, and until then shows them as they are
// recorded.
func TestOpeningOnThePage(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.run("start", "vault", `"in"`, "--name", "V-1")
	v.settle()
	var arn string
	ids := make(map[string]string)
	for _, e := range v.service.Executions() {
		if e.Name() != "V-1" {
			continue
		}
		arn = e.ARN()
		for _, o := range e.Operations() {
			ids[o.Name] = o.ID
		}
	}
	address, client := v.ui("--keyring", v.keys, "--objects", v.objects)
	token := regexp.MustCompile(`name="perdure-token" content="([^"]+)"`).FindStringSubmatch(v.ask(client, address+"/"))[1]
	open := func(id string) string {
		t.Helper()
		body := `{"arn":"` + arn + `","id":"` + id + `"}`
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/ui/open", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Perdure-Token", token)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s %v", id, res.Status, text, err)
		}
		return string(text)
	}
	for name, want := range map[string]string{
		"card": secretResult, "charge": secretInvoke, "large": secretLarge, "again": secretRetried, "refuse": secretFailure, "": `"in\"`,
	} {
		query := "?arn=" + url.QueryEscape(arn) + "&id=" + url.QueryEscape(ids[name])
		if name != "" {
			if shown := v.ask(client, address+"/ui/operation"+query); strings.Contains(shown, want) || !strings.Contains(shown, `"closed":true`) {
				t.Errorf("%s is shown before it is asked for: %s", name, shown)
			}
		}
		if opened := open(ids[name]); !strings.Contains(opened, want) || strings.Contains(opened, "stays closed") {
			t.Errorf("%q: %q is not opened: %.2000s", name, want, opened)
		}
	}
	// Nothing is kept of it, and the history stays closed.
	for _, path := range []string{"execution", "history"} {
		shown := v.ask(client, address+"/ui/"+path+"?arn="+url.QueryEscape(arn))
		for _, secret := range []string{secretResult, secretInvoke, secretFailure, secretLarge, secretRetried} {
			if strings.Contains(shown, secret) {
				t.Errorf("%s shows %s: %s", path, secret, shown)
			}
		}
	}
	if got := v.run("ui", "--keyring", filepath.Join(t.TempDir(), "none")); got.code != cli.ExitUsage {
		t.Errorf("no such keyring: %+v", got)
	}
}
