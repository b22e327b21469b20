package cli_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// guarded is the greeter as someone changes it who fears for executions: one that does not fit is
// held.
func guarded(before string) string {
	text := strings.ReplaceAll(greeter, "VERSION", "one")
	text = strings.Replace(text, "	first, err :=", before+"	first, err :=", 1)
	return strings.Replace(text, "replay.Handler(greet)", "replay.Handler(greet, replay.WithDivergence(replay.DivergenceHold))", 1)
}

const inserted = `	if err := replay.Exec(ctx, op.Do("check-fraud", func(context.Context) error { return nil })); err != nil {
		return "", err
	}
`

// TestCompat: executions that wait are rehearsed when code is saved, and by perdure compat, while
// perdure dev runs and when it does not. A held one goes on when its code is mended.
func TestCompat(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a function several times")
	}
	w := newWorkshop(t)
	w.write("greet/main.go", guarded(""))
	p, endpoint := w.dev()
	for _, name := range []string{"A-1", "B-1"} {
		if got := w.run(endpoint, "start", "greet", `"world"`, "--name", name); got.code != 0 {
			t.Fatalf("%+v", got)
		}
		w.waiting(endpoint, name)
	}
	callback := w.waiting(endpoint, "A-1")
	if got := w.run(endpoint, "compat", "./greet"); got.code != cli.ExitOK || got.out != "all 2 running executions of greet fit\n" {
		t.Errorf("the code that runs: %+v", got)
	}

	w.write("greet/main.go", guarded(inserted))
	p.await(`^perdure: 2 executions of greet began under other code and go on under this: A-1, B-1$`)
	p.await(`^perdure:   A-1 would diverge: an operation was inserted, renamed or moved before .*; checkpointed .*"first".*, current code STEP Step at "check-fraud" \(greet/main\.go:\d+\); declare: .*op\.Added\(op\.Step\("check-fraud", …\), v\).*$`)
	p.await(`^perdure:   B-1 would diverge: as A-1$`)
	got := w.run(endpoint, "compat", "./greet", "--github")
	if got.code != cli.ExitFailed || !strings.HasPrefix(got.out, "2 of 2 running executions of greet would diverge\n  2 × an operation was inserted") ||
		!strings.Contains(got.out, "\n      B-1, A-1\n") {
		t.Errorf("changed code: %+v", got)
	}
	if !regexp.MustCompile(`(?m)^      the code: STEP Step at "check-fraud" \(greet/main\.go:\d+\)$`).MatchString(got.out) ||
		!strings.Contains(got.out, `op.Added(op.Step("check-fraud", …), v)`) {
		t.Errorf("neither the line nor what to declare: %s", got.out)
	}
	if !regexp.MustCompile(`::error file=greet/main\.go,line=\d+,title=`).MatchString(got.err) ||
		!strings.Contains(got.err, "title=perdure compat%3A 2 of 2 running executions of greet would diverge::2 × an operation was inserted") {
		t.Errorf("annotations: %s", got.err)
	}
	var found struct {
		Diverge, Fit int
		Groups       []struct {
			Class, Code, File, Declare string
			Line                       int
		}
		Executions []struct{ Name, Verdict string }
	}
	if got := w.run(endpoint, "compat", "./greet", "--histories"); got.code != cli.ExitFailed ||
		!strings.HasPrefix(got.out, "2 of 2 running executions of greet would diverge\n") {
		t.Errorf("by histories: %+v", got)
	}
	got = w.run(endpoint, "compat", "greet=./greet", "--max", "1", "-o", "json")
	if err := json.Unmarshal([]byte(got.out), &found); err != nil || found.Diverge != 1 || found.Fit != 0 || len(found.Groups) != 1 ||
		found.Groups[0].Class != "diverges" || found.Groups[0].File != filepath.Join("greet", "main.go") || found.Groups[0].Line == 0 ||
		!strings.Contains(found.Groups[0].Declare, "op.Added") || found.Executions[0].Name != "B-1" || !strings.Contains(got.err, "--max 0 rehearses all") {
		t.Errorf("as JSON: %v, %+v", err, got)
	}

	if got := w.run(endpoint, "callback", "succeed", callback, "--text", "me"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	p.await(`^perdure: greet A-1: .*diverged in the handler`)
	w.write("greet/main.go", strings.Replace(guarded(""), "then one", "then two", 1))
	p.await(`^perdure:   B-1 fits: waiting for callback "who-callback"`)
	if got := w.run(endpoint, "start", "greet", `"world"`, "--name", "A-1", "--wait"); got.code != 0 || got.out != `"one, then two, me"`+"\n" {
		t.Errorf("what was held does not go on: %+v", got)
	}

	p.end(os.Interrupt)
	store := filepath.Join(".perdure", "executions.db")
	w.write("greet/main.go", guarded(inserted))
	if got := w.run(endpoint, "compat", "./greet", "--store", store); got.code != cli.ExitFailed ||
		!strings.HasPrefix(got.out, "1 of 1 running execution of greet would diverge\n") {
		t.Errorf("from a file: %+v", got)
	}
	w.rollback(store)
}

// rollback commits the mended code, and then the other one: a rollback would be possible.
func (w *workshop) rollback(store string) {
	w.t.Helper()
	git := func(args ...string) {
		w.t.Helper()
		cmd := exec.CommandContext(w.t.Context(), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Dir = w.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			w.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	w.write("greet/main.go", guarded(""))
	git("init", "-q")
	git("add", "go.mod", "go.sum", "greet")
	git("commit", "-qm", "before")
	w.write("greet/main.go", guarded(inserted))
	git("commit", "-qam", "after")
	if got := w.run("", "compat", "./greet", "--store", store, "--rollback", "HEAD"); got.code != cli.ExitFailed {
		w.t.Errorf("the last revision: %+v", got)
	}
	if got := w.run("", "compat", "./greet", "--store", store, "--rollback", "HEAD~1"); got.code != cli.ExitOK ||
		got.out != "the running execution of greet fits\n" {
		w.t.Errorf("the one before: %+v", got)
	}
	if got := w.run("", "compat", "./greet", "--store", store, "--rollback", "nonsense"); got.code != cli.ExitUsage ||
		!strings.Contains(got.err, `Git knows no revision "nonsense" here; give a commit`) {
		w.t.Errorf("no revision: %+v", got)
	}
	out, err := exec.CommandContext(w.t.Context(), "git", "-C", w.dir, "worktree", "list").Output()
	if err != nil || strings.Count(string(out), "\n") != 1 {
		w.t.Errorf("worktrees are left behind: %s, %v", out, err)
	}
}

// TestCompatOfOtherPrograms: what is no durable function, or an older one, is refused with advice,
// and runs no handler.
func TestCompatOfOtherPrograms(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles programs")
	}
	w := newWorkshop(t)
	w.write("plain/main.go", "package main\n\nfunc main() { panic(\"it runs\") }\n")
	w.write("ends/main.go", "package main\n\nimport _ \"github.com/perdure/perdure/op\"\n\nfunc main() { println(\"no configuration\") }\n")
	start := func(body string) string {
		return `package main

import (
	"encoding/json"
	"errors"

	"github.com/aws/aws-lambda-go/lambda"
	_ "github.com/perdure/perdure/op"
)

var _ = errors.New

func main() { lambda.Start(func(in json.RawMessage) (any, error) { ` + body + ` }) }
`
	}
	w.write("older/main.go", start(`return nil, errors.New("checkpoint: decode invocation: not the event of a durable function: it is not one")`))
	w.write("other/main.go", start(`return map[string]string{"hello": "world"}, nil`))
	w.write("broken/main.go", "package main\n\nfunc main() { oops }\n")
	for _, tt := range []struct {
		dir, want string
		code      int
	}{
		{"plain", "plain is no durable function: its program is built without github.com/perdure/perdure", cli.ExitCode},
		{"ends", "no configuration", cli.ExitCode},
		{"older", "older is built with a version of perdure that cannot rehearse; update github.com/perdure/perdure in its go.mod", cli.ExitCode},
		{"other", `other does not answer rehearsals, but with {"hello":"world"}: its program is to give events to a replay.Handler`, cli.ExitCode},
		{"broken", "build broken: exit status 1", cli.ExitCode},
		{"none", "there is no ./none; give the folder of a function", cli.ExitUsage},
	} {
		got := w.run("http://127.0.0.1:1", "compat", "./"+tt.dir)
		if got.code != tt.code || !strings.Contains(got.err, tt.want) || strings.Contains(got.err, "it runs") {
			t.Errorf("%s: %+v, want %d and %q", tt.dir, got, tt.code, tt.want)
		}
	}
}
