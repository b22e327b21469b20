package cli_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDevHolds: a function that says nothing of divergence is saved with a step too many. Its
// execution is held, and show says why; the code that is mended has it go on, and no step runs
// again.
func TestDevHolds(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a function several times")
	}
	w := newWorkshop(t)
	p, endpoint := w.dev()
	if got := w.run(endpoint, "start", "greet", `"world"`, "--name", "A-1"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	callback := w.waiting(endpoint, "A-1")

	code := strings.ReplaceAll(greeter, "VERSION", "two")
	w.write("greet/main.go", strings.Replace(code, "	first, err :=", inserted+"	first, err :=", 1))
	p.await(`^perdure:   A-1 would diverge: `)
	if got := w.run(endpoint, "callback", "succeed", callback, "--text", "me"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	p.await(`^perdure: greet A-1: .*diverged in the handler`)

	got := w.run(endpoint, "show", "A-1", "-f", "greet")
	why := regexp.MustCompile("(?m)^paused \\S+ ago: the code is not the code that wrote the log: .*\n  recorded  .*\"first\".*\n  code now  .*\"check-fraud\"" +
		".*\n  do this   .*\nthen it goes on with: perdure resume '\\S+/A-1/\\S+'$")
	if got.code != 0 || !strings.HasPrefix(got.out, "A-1  PAUSED") || !why.MatchString(got.out) {
		t.Errorf("show does not say why it is paused: %+v", got)
	}
	if got := w.run(endpoint, "list", "greet", "--status", "PAUSED"); got.code != 0 || !strings.Contains(got.out, "A-1") {
		t.Errorf("it is not among those that are paused: %+v", got)
	}
	if text := p.said.String(); strings.Contains(text, "FAILED") || strings.Contains(text, "failed invocation") {
		t.Errorf("an invocation has failed:\n%s", text)
	}

	w.write("greet/main.go", code)
	p.await(`^perdure:   A-1 fits again, and is resumed$`)
	p.await(`^perdure: greet A-1: resumed`)
	p.await(`^perdure: greet A-1: SUCCEEDED after .*: "one, then two, me"$`)
	if text := p.said.String(); strings.Contains(text, "A-1 was held") {
		t.Errorf("that it is resumed is said twice:\n%s", text)
	}
	if n := strings.Count(p.said.String(), "greeting world"); n != 1 {
		t.Errorf(`the step "first" ran %d times:\n%s`, n, p.said)
	}
	got = w.run(endpoint, "show", "A-1", "-f", "greet")
	if got.code != 0 || !strings.HasPrefix(got.out, "A-1  SUCCEEDED") || strings.Contains(got.out, "check-fraud") {
		t.Errorf("it has gone on: %+v", got)
	}
	p.end(os.Interrupt)
}

// TestDevCountsFailedInvocations: an execution whose function dies has nine invocations here, as on
// AWS, and show says which one has failed.
func TestDevCountsFailedInvocations(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a function")
	}
	w := newWorkshop(t)
	code := strings.Replace(greeter, "	\"fmt\"\n", "	\"fmt\"\n	\"os\"\n", 1)
	w.write("greet/main.go", strings.Replace(code, "	first, err :=", "	if name == \"world\" {\n		os.Exit(3)\n	}\n	first, err :=", 1))
	p, endpoint := w.dev()
	if got := w.run(endpoint, "start", "greet", `"world"`, "--name", "A-1"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	counted := regexp.MustCompile(`failed invocation [2-4] of 9, next in \d`)
	var said string
	for begun := time.Now(); time.Since(begun) < 20*time.Second; time.Sleep(100 * time.Millisecond) {
		if said = w.run(endpoint, "show", "A-1", "-f", "greet").out; counted.MatchString(said) {
			break
		}
	}
	if !counted.MatchString(said) {
		t.Errorf("show does not count the invocations that have failed: %s", said)
	}
	p.end(os.Interrupt)
}
