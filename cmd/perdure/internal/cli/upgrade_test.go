package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// addedCheck is what inserted inserts, declared.
const addedCheck = `	if err := replay.Exec(ctx, op.Added(op.Do("check-fraud", func(context.Context) error { return nil }), op.None{})); err != nil {
		return "", err
	}
`

// TestUpgrade: executions are paused, rehearsed, and resumed under the new code. Code that does not
// fit is not deployed; an upgrade that is cut off is gone on with; who pauses for another reason
// keeps that.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a function several times")
	}
	w := newWorkshop(t)
	w.write("greet/main.go", guarded(""))
	p, endpoint := w.dev()
	for _, name := range []string{"A-1", "B-1", "C-1"} {
		if got := w.run(endpoint, "start", "greet", `"world"`, "--name", name); got.code != 0 {
			t.Fatalf("%+v", got)
		}
		w.waiting(endpoint, name)
	}
	callback := w.waiting(endpoint, "A-1")
	if got := w.run(endpoint, "pause", "C-1", "-f", "greet", "--reason", "mine"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	status := func(name string) string {
		line, _, _ := strings.Cut(w.run(endpoint, "show", name, "-f", "greet").out, "  started")
		return line
	}
	upgrade := func(deploy string) outcome {
		return w.run(endpoint, "upgrade", "greet=./next", "--rate", "1000", "--deploy", deploy)
	}
	const deploy = "cp next/main.go greet/main.go"
	before, err := os.ReadFile(filepath.Join(w.dir, "greet", "main.go"))
	if err != nil {
		t.Fatal(err)
	}

	w.write("next/main.go", guarded(inserted))
	got := upgrade(deploy)
	if got.code != cli.ExitFailed || !strings.HasPrefix(got.out, "3 of 3 running executions of greet would diverge\n") ||
		!strings.Contains(got.out, `op.Added(op.Step("check-fraud", …), v) if it is new`) ||
		!strings.Contains(got.err, "paused 2 of 2 executions\n") || !strings.Contains(got.err, "resumed 2 of 2 executions\n") {
		t.Errorf("code that does not fit: %+v", got)
	}
	if now, _ := os.ReadFile(filepath.Join(w.dir, "greet", "main.go")); string(now) != string(before) {
		t.Error("code that does not fit was deployed")
	}
	if a, c := status("A-1"), status("C-1"); a != "A-1  RUNNING" || c != "C-1  PAUSED" {
		t.Errorf("afterwards: %s, %s", a, c)
	}

	w.write("next/main.go", guarded(addedCheck))
	if got := upgrade("exit 3"); got.code != cli.ExitUnavailable || !strings.Contains(got.err, "all 3 running executions of greet fit: deploying\n") ||
		!strings.Contains(got.err, "3 executions are paused: run the same command again, or: perdure resume --all --function greet\n") ||
		!strings.Contains(got.err, "the command that deploys has failed: exit status 3") {
		t.Errorf("a command that fails: %+v", got)
	}
	if a := status("A-1"); a != "A-1  PAUSED" {
		t.Errorf("after a command that fails: %s", a)
	}
	if got := upgrade(deploy); got.code != cli.ExitOK || !strings.Contains(got.err, "resumed 2 of 2 executions\n") {
		t.Errorf("going on: %+v", got)
	}
	p.await(`^perdure:   A-1 fits: .*op\.Added at "check-fraud" takes the old side: nothing$`)
	if a, c := status("A-1"), status("C-1"); a != "A-1  RUNNING" || c != "C-1  PAUSED" {
		t.Errorf("in the end: %s, %s", a, c)
	}

	got = w.run(endpoint, "compat", "./greet", "--without-declarations")
	if got.code != cli.ExitFailed || got.out != "declarations of greet must stay\n  op.Added at \"check-fraud\" stays: 2 × its old side\n      B-1, A-1\n" {
		t.Errorf("declarations that executions need: %+v", got)
	}
	if got := w.run(endpoint, "callback", "succeed", callback, "--text", "me"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	if got := w.run(endpoint, "start", "greet", `"world"`, "--name", "A-1", "--wait"); got.code != 0 || got.out != `"one, then one, me"`+"\n" {
		t.Errorf("an execution that was upgraded: %+v", got)
	}
	if got := w.run(endpoint, "stop", "B-1", "-f", "greet"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	if got := w.run(endpoint, "start", "greet", `"world"`, "--name", "D-1"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	w.waiting(endpoint, "D-1")
	got = w.run(endpoint, "compat", "./greet", "--without-declarations")
	if got.code != cli.ExitOK || got.out != "no running execution of greet takes an old side: its declarations may go\n"+
		"  op.Added at \"check-fraud\" may go: no execution takes its old side\n" {
		t.Errorf("declarations that no execution needs: %+v", got)
	}
	got = w.run(endpoint, "compat", "./greet", "--without-declarations", "-o", "json")
	if got.code != cli.ExitOK || !strings.Contains(got.out, `"change": "check-fraud"`) || !strings.Contains(got.out, `"needed": []`) {
		t.Errorf("in JSON: %+v", got)
	}

	if got := w.run(endpoint, "upgrade", "./greet"); got.code != cli.ExitUsage || !strings.Contains(got.err, "--deploy is missing") {
		t.Errorf("without a command: %+v", got)
	}
	if got := w.run(endpoint, "upgrade", "./greet", "--deploy", "true", "--rate", "0"); got.code != cli.ExitUsage {
		t.Errorf("no calls: %+v", got)
	}
	p.end(os.Interrupt)
}
