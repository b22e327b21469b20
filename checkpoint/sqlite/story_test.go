package sqlite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/checkpoint/sqlite"
)

// order is what is ordered, and how long it waits: for stock, for the customer to change their
// mind, and for the carrier. Zero is no wait.
type order struct {
	ID                   string
	Stock, Cool, Carrier time.Duration
}

// payments is who charges cards: once for each idempotency key.
type payments struct {
	mu   sync.Mutex
	keys map[string]map[string]bool // by order
}

// charge is a step that charges the card of an order.
func (p *payments) charge(name string, o order) op.Op[string] {
	return op.Step(name, func(ctx context.Context) (string, error) {
		info, _ := op.InfoFrom(ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.keys[o.ID] == nil {
			p.keys[o.ID] = make(map[string]bool)
		}
		p.keys[o.ID][info.IdempotencyKey] = true
		return name, nil
	})
}

// of is how often an order was charged.
func (p *payments) of(order string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.keys[order])
}

// says is a step that results in its name.
func says(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return name, nil })
}

// waits is a wait without a result, nothing at all for zero.
func waits(name string, d time.Duration) op.Op[string] {
	if d == 0 {
		return op.Inline("no "+name, func(op.Context) (string, error) { return "", nil })
	}
	return op.Transform(op.Wait(name, d), func(op.None) (string, error) { return "", nil })
}

// version is a version of the function: operations that run one after the other.
func version(operations func(o order) []op.Op[string]) *replay.Function[order, string] {
	return replay.Handler(func(ctx op.Context, o order) (string, error) { return all(ctx, operations(o)...) },
		replay.WithDivergence(replay.DivergenceHold))
}

// all runs operations one after the other.
func all(ctx op.Context, operations ...op.Op[string]) (string, error) {
	var receipt []string
	for _, o := range operations {
		v, err := replay.Run(ctx, o)
		if err != nil {
			return "", err
		}
		if v != "" {
			receipt = append(receipt, v)
		}
	}
	return strings.Join(receipt, " "), nil
}

// storyVersions are those of the story, by name.
func storyVersions(p *payments) map[string]*replay.Function[order, string] {
	ops := func(all ...op.Op[string]) []op.Op[string] { return all }
	parcel := func() op.Op[string] {
		return op.Group("parcel", func(ctx op.Context) (string, error) { return all(ctx, says("pack"), says("weigh")) })
	}
	carried := func() op.Op[string] {
		return op.Inline("carried", func(ctx op.Context) (string, error) { return all(ctx, says("label"), says("hand-over")) })
	}
	gone := func(o op.Op[string]) op.Op[string] {
		return op.Transform(op.Removed(o), func(op.Past[string]) (string, error) { return "", nil })
	}
	return map[string]*replay.Function[order, string]{
		"v1": version(func(o order) []op.Op[string] {
			return ops(says("reserve"), waits("stock", o.Stock), p.charge("charge-card", o), waits("cool-off", o.Cool),
				says("pack"), waits("carrier", o.Carrier), says("ship"))
		}),
		// v1 as it endures what v2 begins: the version to go back to.
		"v1 tolerant": version(func(o order) []op.Op[string] {
			return ops(says("reserve"), gone(says("check")), waits("stock", o.Stock), p.charge("charge-card", o).Was("charge-payment"),
				waits("cool-off", o.Cool), op.Replaces(says("pack"), parcel()), waits("carrier", o.Carrier), op.Replaces(says("ship"), carried()))
		}),
		// It inserts a check, renames the charge, wraps the packing and splits the shipping.
		"v2": version(func(o order) []op.Op[string] {
			return ops(says("reserve"), op.Added(says("check"), "unchecked"), waits("stock", o.Stock), p.charge("charge-payment", o).Was("charge-card"),
				waits("cool-off", o.Cool), op.Replaces(parcel(), says("pack")), waits("carrier", o.Carrier), op.Replaces(carried(), says("ship")))
		}),
		// Someone has renamed the charge once more, and declares nothing.
		"v2b": version(func(o order) []op.Op[string] {
			return ops(says("reserve"), says("check"), waits("stock", o.Stock), p.charge("charge", o), waits("cool-off", o.Cool),
				parcel(), waits("carrier", o.Carrier), carried())
		}),
		"v3": version(func(o order) []op.Op[string] {
			return ops(says("reserve"), says("check"), waits("stock", o.Stock), p.charge("charge-payment", o), waits("cool-off", o.Cool),
				parcel(), waits("carrier", o.Carrier), carried())
		}),
	}
}

// team is the function's service on a file, which is started again with each version.
type team struct {
	t        *testing.T
	path     string
	clock    *local.VirtualClock
	versions map[string]*replay.Function[order, string]

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
func (s *team) start(n int, like order, receipt string) {
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

// compat says how many running executions a version does not fit, and how many take an old side of
// its declared changes, as perdure compat does.
func (s *team) compat(version string) (diverge, old int) {
	s.t.Helper()
	for _, arn := range s.arns {
		e, ok := s.svc.Execution(arn)
		if !ok || e.Status().Terminal() {
			continue
		}
		r, err := s.versions[version].Rehearse(s.t.Context(), e.Log())
		switch {
		case err != nil:
			s.t.Fatal(err)
		case r.Verdict == replay.VerdictDiverges:
			diverge++
		case r.Verdict != replay.VerdictFits:
			s.t.Errorf("a rehearsal of %s with %s %s: %v", e.Name(), version, r.Verdict, r.Undecided)
		case r.NeedsDeclarations():
			old++
		}
	}
	return diverge, old
}

// TestStoryOfATeam is what a team does with a function of which 200 executions run in the first
// version: it renames, inserts, splits and wraps; goes back and on again; deploys a version that
// does not fit, which is held, and mends it; and drops the declarations when compat says that they
// may go. Every order has the right receipt and is charged once, though the process ends with each
// deploy and the function is lost at random.
func TestStoryOfATeam(t *testing.T) {
	t.Parallel()
	p := &payments{keys: make(map[string]map[string]bool)}
	s := &team{
		t: t, path: filepath.Join(t.TempDir(), "executions.db"), clock: local.NewVirtualClock(time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)),
		versions: storyVersions(p), want: make(map[string]string), r: rand.New(rand.NewPCG(1, 18)), lost: make(map[string]int),
	}
	t.Cleanup(s.stop)
	fits := func(version string, wantOld bool) {
		t.Helper()
		if diverge, old := s.compat(version); diverge > 0 || (old > 0) != wantOld {
			t.Errorf("%s: %d executions would diverge, %d take an old side", version, diverge, old)
		}
	}
	unfit := func(version string, least int) {
		t.Helper()
		if diverge, _ := s.compat(version); diverge < least {
			t.Errorf("%s: only %d executions would diverge", version, diverge)
		}
	}

	// 200 orders begin under v1 and get to different places.
	s.deploy("v1")
	s.start(80, order{Cool: 24 * time.Hour}, "reserve unchecked charge-card pack weigh label hand-over")
	s.start(60, order{Stock: 30 * time.Hour, Cool: 20 * time.Hour}, "reserve unchecked charge-card pack weigh label hand-over")
	s.start(60, order{Cool: time.Hour, Carrier: 20 * time.Hour}, "reserve unchecked charge-card pack label hand-over")
	s.hours(2) // the last ones are packed

	// The version to go back to comes first, then v2, with orders of its own.
	fits("v1 tolerant", false)
	s.deploy("v1 tolerant")
	fits("v2", true)
	s.deploy("v2")
	s.start(40, order{Cool: 50 * time.Hour}, "reserve check charge-payment pack weigh label hand-over")
	s.hours(18)

	// v2b does not fit, and compat would have said so. What wakes up is held, and nothing is
	// charged.
	unfit("v2b", 200)
	s.deploy("v2b")
	s.hours(5)
	held := s.with(local.StatusPaused)
	if len(held) != 140 {
		t.Errorf("%d executions are held, want those of the first and the last orders of v1, 140", len(held))
	}
	s.deploy("v2")
	for _, e := range held {
		e, _ := s.svc.Execution(e.ARN())
		if err := s.svc.Resume(t.Context(), checkpoint.ResumeInput{ARN: e.ARN()}); err != nil {
			t.Fatal(err)
		}
	}
	s.run()
	if n := len(s.with(local.StatusSucceeded)); n != 140 {
		t.Errorf("%d executions have succeeded that were held, want 140", n)
	}

	// v2 is rolled back: what it has begun goes on, and orders whose stock comes now are charged as
	// before. Then it is deployed again.
	fits("v1 tolerant", true)
	s.deploy("v1 tolerant")
	s.hours(8)
	unfit("v3", 60)
	fits("v2", true)
	s.deploy("v2")

	// When no execution takes an old side any more, the declarations go.
	s.hours(22)
	fits("v2", false)
	fits("v3", false)
	s.deploy("v3")
	s.start(20, order{Cool: time.Hour}, "reserve check charge-payment pack weigh label hand-over")
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
