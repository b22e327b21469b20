package cli_test

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// When nothing can be stored any more, the program refuses what it is asked for, and ends and says
// why when it cannot go on by itself. What it had confirmed goes on at the next start.
func TestDevOnAFullDisk(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a function")
	}
	w := newWorkshop(t)
	w.write("greet/main.go", strings.Replace(greeter, "time.Second", "5*time.Second", 1))
	p, endpoint := w.dev()
	if got := w.run(endpoint, "start", "greet", `"world"`, "--name", "A-1"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	if got := w.run(endpoint, "callback", "succeed", w.waiting(endpoint, "A-1"), "--text", "it is me"); got.code != 0 {
		t.Fatalf("%+v", got)
	}

	// No file can be written any more, as if the disk were full.
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1, Max: unix.RLIM_INFINITY}, nil); err != nil {
		t.Fatal(err)
	}
	got := w.run(endpoint, "start", "greet", `"moon"`)
	if got.code != cli.ExitUnavailable || !strings.Contains(got.err, "the disk has refused it") && !strings.Contains(got.err, "no answer at") {
		t.Errorf("a start that cannot be stored: %+v", got)
	}
	p.await(`^perdure: stopping, since nothing can be stored; what was stored goes on at the next start$`) // the end of the nap
	p.await(`^perdure: .*the disk has refused it: .*free some space`)
	_ = p.cmd.Wait() // its exit code is looked at
	if code := p.cmd.ProcessState.ExitCode(); code != cli.ExitUnavailable {
		t.Errorf("the exit code is %d, want %d", code, cli.ExitUnavailable)
	}

	p, endpoint = w.dev()
	got = w.run(endpoint, "start", "greet", `"world"`, "--name", "A-1", "--wait")
	if got.code != 0 || got.out != `"VERSION, then VERSION, it is me"`+"\n" {
		t.Errorf("got %+v", got)
	}
	p.end(os.Interrupt)
}

// No one is authenticated: the program is reached from this machine alone unless a flag says
// otherwise, and then it warns. All of 127.0.0.0/8 is this machine, so who listens on 127.0.0.1
// alone is not reached at 127.0.0.2.
func TestDevListensOnLoopback(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.write("greet/main.go", "package main\n\nnothing\n") // it is not built, and need not be
	if got := w.run("", "dev", "--help"); !strings.Contains(got.out, `(default "127.0.0.1:9090")`) {
		t.Errorf("the default address is not one of loopback:\n%s", got.out)
	}
	p, endpoint := w.dev("--memory")
	if !reached(t, "127.0.0.1", endpoint) || reached(t, "127.0.0.2", endpoint) {
		t.Errorf("%s: 127.0.0.1 is reached: %v, 127.0.0.2 is reached: %v; want the first alone",
			endpoint, reached(t, "127.0.0.1", endpoint), reached(t, "127.0.0.2", endpoint))
	}
	if text := p.said.String(); strings.Contains(text, "warning") {
		t.Errorf("it warns without a reason:\n%s", text)
	}
	p.end(os.Interrupt)

	p, endpoint = w.dev("--memory", "--listen", "0.0.0.0:0")
	if !reached(t, "127.0.0.2", endpoint) {
		t.Error("a program that is asked to listen everywhere does not")
	}
	if !strings.HasPrefix(endpoint, "http://127.0.0.1:") {
		t.Errorf("it prints %s, which is no address that a program can be given", endpoint)
	}
	if text := p.said.String(); !strings.Contains(text, "warning: 0.0.0.0:0 can be reached from other machines, and no one is authenticated") {
		t.Errorf("it does not warn:\n%s", text)
	}
	p.end(os.Interrupt)
}

// reached reports whether the port of an endpoint answers at an address.
func reached(t *testing.T, host, endpoint string) bool {
	t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return false
	}
	return c.Close() == nil
}
