package cli_test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// When nothing can be stored any more, the program refuses what it is asked for, and ends and says why when
// it cannot go on by itself. What it had confirmed goes on at the next start.
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
	if got := w.run(endpoint, "callback", "succeed", w.waiting(endpoint, "A-1"), "it is me"); got.code != 0 {
		t.Fatalf("%+v", got)
	}

	// No file can be written any more, as if the disk were full.
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1, Max: unix.RLIM_INFINITY}, nil); err != nil {
		t.Fatal(err)
	}
	got := w.run(endpoint, "start", "greet", `"moon"`)
	if got.code != cli.ExitUnavailable || !strings.Contains(got.err, "the disk has refused it") && !strings.Contains(got.err, "nobody answers") {
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
