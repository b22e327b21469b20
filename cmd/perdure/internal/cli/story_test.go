package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/sqlite"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// team is the function's service on a file, which is started again with each version.
type team struct {
	t        *testing.T
	path     string
	self     string // this program, which is the function's, too
	clock    *local.VirtualClock
	versions map[string]*replay.Function[shopOrder, string]

	store *sqlite.Store
	svc   *local.Service
	arns  []string
	want  map[string]string // receipts, by ARN

	mu   sync.Mutex // guards what follows
	r    *rand.Rand
	lost map[string]int // how often the function was lost, by ARN
}

// mostLost bounds how often the function is lost in an execution.
const mostLost = 4

// lose loses the function at random.
func (s *team) lose(p local.Point) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Moment == local.MomentBegin || s.lost[p.ARN] == mostLost || s.r.IntN(6) > 0 {
		return false
	}
	s.lost[p.ARN]++
	return true
}

// deploy ends the process, and begins one that has a version of the function.
func (s *team) deploy(version string) {
	s.t.Helper()
	s.stop()
	store, err := sqlite.Open(s.path, sqlite.WithRetention(0)) // the clock is not that of today
	if err != nil {
		s.t.Fatal(err)
	}
	s.store = store
	s.svc = local.New(local.WithStore(store), local.WithClock(s.clock), local.WithFaults(local.Faults{Lose: s.lose}))
	if err := s.svc.Host("order", s.versions[version]); err != nil {
		s.t.Fatal(err)
	}
	s.run()
}

func (s *team) stop() {
	s.t.Helper()
	if s.svc == nil {
		return
	}
	if err := s.svc.Close(); err != nil {
		s.t.Fatal(err)
	}
	if err := s.store.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.svc = nil
}

// start starts orders that end with a receipt.
func (s *team) start(n int, like shopOrder, receipt string) {
	s.t.Helper()
	for range n {
		like.ID = fmt.Sprint("order-", len(s.arns))
		in, err := json.Marshal(like)
		if err != nil {
			s.t.Fatal(err)
		}
		e, err := s.svc.Start(s.t.Context(), "order", like.ID, in)
		if err != nil {
			s.t.Fatal(err)
		}
		s.arns = append(s.arns, e.ARN())
		s.want[e.ARN()] = receipt
	}
	s.run()
}

// run runs all executions until they wait. Those whose function was lost are invoked again after a
// while.
func (s *team) run() {
	s.t.Helper()
	for range mostLost {
		for _, e := range s.svc.Executions() {
			if err := e.RunUntilSuspended(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
		}
		s.svc.Advance(30 * time.Second)
	}
}

// hours lets time go by.
func (s *team) hours(n int) {
	s.t.Helper()
	for range n {
		s.svc.Advance(time.Hour)
		s.run()
	}
}

// with lists the executions with a status.
func (s *team) with(status local.Status) (found []*local.Execution) {
	s.t.Helper()
	for _, arn := range s.arns {
		e, ok := s.svc.Execution(arn)
		if !ok {
			s.t.Fatalf("%s is lost", arn)
		}
		if e.Status() == status {
			found = append(found, e)
		}
	}
	return found
}

// verdict is what perdure compat says of a version.
type verdict struct {
	outcome

	Rehearsed, Diverge, Fit int
	Groups                  []struct{ Declare string }
}

// perdure runs the command on the file of the service, which it ends before.
func (s *team) perdure(version string, flags ...string) outcome {
	s.t.Helper()
	s.stop()
	program := filepath.Join(filepath.Dir(s.path), shopProgram+version)
	if _, err := os.Lstat(program); err != nil {
		if err := os.Symlink(s.self, program); err != nil {
			s.t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(s.t.Context(), s.self, append([]string{"compat", "order=" + program, "--store", s.path}, flags...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // its exit code is looked at
	return outcome{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// compat rehearses a version on all executions that run.
func (s *team) compat(version string) (v verdict) {
	s.t.Helper()
	v.outcome = s.perdure(version, "-o", "json")
	if err := json.Unmarshal([]byte(v.out), &v); err != nil {
		s.t.Fatalf("compat of %s: %v: %+v", version, err, v.outcome)
	}
	return v
}

// fits expects that a version fits all executions that run, and whether its declarations may go.
func (s *team) fits(version string, mayGo bool) {
	s.t.Helper()
	if v := s.compat(version); v.code != cli.ExitOK || v.Rehearsed == 0 || v.Fit != v.Rehearsed {
		s.t.Errorf("%s: %d of %d fit: %s", version, v.Fit, v.Rehearsed, v.err)
	}
	got, want := s.perdure(version, "--without-declarations"), cli.ExitFailed
	if mayGo {
		want = cli.ExitOK
	}
	if got.code != want {
		s.t.Errorf("%s: whether its declarations may go: %+v", version, got)
	}
}

// unfit expects that a version fits not all executions, and that it says what to declare.
func (s *team) unfit(version string, least int) {
	s.t.Helper()
	v := s.compat(version)
	if v.code != cli.ExitFailed || v.Diverge < least {
		s.t.Errorf("%s: only %d executions would diverge: %+v", version, v.Diverge, v.outcome)
	}
	for _, g := range v.Groups {
		if g.Declare == "" {
			s.t.Errorf("%s: compat does not say what to declare: %s", version, v.out)
		}
	}
}

// resume resumes executions that are held.
func (s *team) resume(held []*local.Execution) {
	s.t.Helper()
	for _, e := range held {
		if err := s.svc.Resume(s.t.Context(), checkpoint.ResumeInput{ARN: e.ARN()}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.run()
	s.run() // also those whose function is lost several times
}

// TestStoryOfATeam is what a team does with a function of which 200 executions run in the first
// version: it renames, inserts, splits and wraps; goes back and on again; deploys a version that
// does not fit, which is held, mends it by a declaration, and goes back; and drops the declarations
// when perdure compat says that they may go. Every order has the right receipt and is charged once,
// though the process ends with each deploy and the function is lost at random.
func TestStoryOfATeam(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("rehearses thousands of executions in processes")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := newPayments()
	s := &team{
		t: t, path: filepath.Join(t.TempDir(), "executions.db"), self: self,
		clock:    local.NewVirtualClock(time.Now().Truncate(time.Hour)), // what ended long ago is not kept
		versions: shopVersions(p), want: make(map[string]string), r: rand.New(rand.NewPCG(1, 18)), lost: make(map[string]int),
	}
	t.Cleanup(s.stop)

	// 200 orders begin under v1 and get to different places.
	s.deploy("v1")
	s.start(80, shopOrder{Cool: 24 * time.Hour}, "reserve unchecked charge-card pack weigh label hand-over")
	s.start(60, shopOrder{Stock: 30 * time.Hour, Cool: 20 * time.Hour}, "reserve unchecked charge-card pack weigh label hand-over")
	s.start(60, shopOrder{Cool: time.Hour, Carrier: 20 * time.Hour}, "reserve unchecked charge-card pack label hand-over")
	s.hours(2) // the last ones are packed

	// The version to go back to comes first, then v2, with orders of its own.
	s.fits("v1-tolerant", true)
	s.deploy("v1-tolerant")
	s.fits("v2", false)
	s.deploy("v2")
	s.start(40, shopOrder{Cool: 60 * time.Hour}, "reserve check charge-payment pack weigh label hand-over")
	s.hours(18)

	// v2b does not fit, and compat would have said so. What wakes up is held, and nothing is
	// charged.
	s.unfit("v2b", 200)
	s.deploy("v2b")
	s.hours(5)
	held := s.with(local.StatusPaused)
	if len(held) != 140 {
		t.Errorf("%d executions are held, want those of the first and the last orders of v1, 140", len(held))
	}

	// Half of them go on when the change is declared, the others when v2 is deployed again.
	s.fits("v2c", false)
	s.deploy("v2c")
	s.resume(held[:70])
	if n := len(s.with(local.StatusSucceeded)); n != 70 {
		t.Errorf("%d executions have succeeded of those that were held and whose code was mended, want 70", n)
	}
	s.fits("v2", false)
	s.deploy("v2")
	s.resume(s.with(local.StatusPaused))
	if n := len(s.with(local.StatusSucceeded)); n != 140 {
		t.Errorf("%d executions have succeeded that were held, want 140", n)
	}

	// v2 is rolled back: what it has begun goes on, and orders whose stock comes now are charged as
	// before. Then it is deployed again.
	s.fits("v1-tolerant", false)
	s.deploy("v1-tolerant")
	s.hours(8)
	s.unfit("v3", 60)
	s.fits("v2", false)
	s.deploy("v2")

	// When no execution takes an old side any more, the declarations go: those that run began under
	// v2.
	s.hours(22)
	s.fits("v2", true)
	s.fits("v3", true)
	s.deploy("v3")
	s.start(20, shopOrder{Cool: time.Hour}, "reserve check charge-payment pack weigh label hand-over")
	s.hours(40)

	receipts, lost := 0, 0
	for _, e := range s.with(local.StatusSucceeded) {
		if got := strings.Trim(string(e.Result()), `"`); got != s.want[e.ARN()] {
			t.Errorf("%s has the receipt %q, want %q", e.Name(), got, s.want[e.ARN()])
		}
		if n := p.of(e.Name()); n != 1 {
			t.Errorf("%s was charged %d times", e.Name(), n)
		}
		receipts++
		lost += s.lost[e.ARN()]
	}
	if receipts != 260 || lost < 100 {
		t.Errorf("%d of 260 orders have receipts; the function was lost %d times", receipts, lost)
	}
}
