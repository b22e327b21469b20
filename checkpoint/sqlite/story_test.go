package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
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

// shop is a function whose code changes while its executions run.
type shop struct {
	mu      sync.Mutex
	code    *replay.Function[string, string]
	charges map[string]int // by order
}

// Invoke invokes the code that is deployed.
func (s *shop) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	s.mu.Lock()
	code := s.code
	s.mu.Unlock()
	return code.Invoke(ctx, event)
}

func (s *shop) deploy(code *replay.Function[string, string]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code = code
}

// says is a step that results in its name.
func says(name string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) { return name, nil })
}

func (s *shop) charge(name, order string) op.Op[string] {
	return op.Step(name, func(context.Context) (string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.charges[order]++
		return name, nil
	})
}

// version is a function that runs operations, one after the other, with a day between the first and
// the last ones.
func (s *shop) version(first, last func(order string) []op.Op[string]) *replay.Function[string, string] {
	return replay.Handler(func(ctx op.Context, order string) (string, error) {
		var receipt []string
		run := func(ops []op.Op[string]) error {
			for _, o := range ops {
				v, err := replay.Run(ctx, o)
				if err != nil {
					return err
				}
				receipt = append(receipt, v)
			}
			return nil
		}
		if err := run(first(order)); err != nil {
			return "", err
		}
		if err := replay.Exec(ctx, op.Wait("cool-off", 24*time.Hour)); err != nil {
			return "", err
		}
		err := run(last(order))
		return strings.Join(receipt, " "), err
	}, replay.WithDivergence(replay.DivergenceHold))
}

// parcel packs and labels as one.
func parcel() op.Op[string] {
	return op.Group("parcel", func(ctx op.Context) (string, error) {
		packed, err := replay.Run(ctx, says("pack"))
		if err != nil {
			return "", err
		}
		label, err := replay.Run(ctx, says("label"))
		return packed + "+" + label, err
	})
}

// TestStoryOfATeam is what a team does with a function of which 200 executions run: it renames,
// inserts, splits and wraps, drops the declarations, deploys a version that does not fit, mends
// that, and goes back. Each order is charged once.
func TestStoryOfATeam(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "executions.db"))
	if err != nil {
		t.Fatal(err)
	}
	svc := local.New(local.WithStore(store), local.WithClock(local.NewVirtualClock(time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC))))
	t.Cleanup(func() {
		if err := svc.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &shop{charges: make(map[string]int)}
	ops := func(all ...op.Op[string]) []op.Op[string] { return all }
	v1 := s.version(
		func(order string) []op.Op[string] { return ops(says("reserve"), s.charge("charge-card", order)) },
		func(string) []op.Op[string] { return ops(says("pack"), says("ship")) })
	v2 := s.version(
		func(order string) []op.Op[string] {
			return ops(says("reserve"), op.Added(says("check"), "unchecked"), s.charge("charge-payment", order).Was("charge-card"))
		},
		func(string) []op.Op[string] {
			return ops(op.Replaces(parcel(), says("pack")), op.Replaces(says("dispatch"), says("ship")))
		})
	bad := s.version(
		func(order string) []op.Op[string] {
			return ops(says("check"), says("reserve"), s.charge("charge", order))
		},
		func(string) []op.Op[string] { return ops(parcel(), says("dispatch")) })
	v3 := s.version(
		func(order string) []op.Op[string] {
			return ops(says("reserve"), says("check"), s.charge("charge-payment", order))
		},
		func(string) []op.Op[string] { return ops(parcel(), says("dispatch")) })

	s.deploy(v1)
	if err := svc.Host("order", s); err != nil {
		t.Fatal(err)
	}
	var all []*local.Execution
	want := make(map[*local.Execution]string)
	start := func(n int, receipt string) {
		for range n {
			e, err := svc.Start(t.Context(), "order", "", fmt.Appendf(nil, "%q", strconv.Itoa(len(all))))
			if err != nil {
				t.Fatal(err)
			}
			all, want[e] = append(all, e), receipt
		}
	}
	run := func() {
		for _, e := range all {
			if err := e.RunUntilSuspended(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	day := func() { svc.Advance(24 * time.Hour); run() }

	const begunOld, begunNew = "reserve unchecked charge-card pack+label dispatch", "reserve check charge-payment pack+label dispatch"
	start(80, begunOld)
	run()
	s.deploy(bad) // the orders are held: nothing runs
	svc.Advance(25 * time.Hour)
	run()
	for _, e := range all {
		if e.Status().Terminal() {
			t.Fatalf("an execution that does not fit has ended: %v", e.Failure())
		}
	}
	s.deploy(v2)
	start(60, begunNew)
	for _, e := range all { // those that are held go on with code that fits
		if e.Status() != local.StatusPaused {
			continue
		}
		if err := svc.Resume(t.Context(), checkpoint.ResumeInput{ARN: e.ARN()}); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if needs := needing(t, v2, all); needs != 0 {
		t.Errorf("%d executions that run need declarations, after all old ones have ended", needs)
	}
	s.deploy(v3)
	start(60, begunNew)
	run()
	s.deploy(v2) // back
	day()
	day()
	for i, e := range all {
		if got := strings.Trim(string(e.Result()), `"`); got != want[e] || s.charges[strconv.Itoa(i)] != 1 {
			t.Errorf("order %d ended as %s with %q, charged %d times; want %q", i, e.Status(), got, s.charges[strconv.Itoa(i)], want[e])
		}
	}
}

// needing is how many executions that run take an old side of a declared change.
func needing(t *testing.T, f *replay.Function[string, string], all []*local.Execution) (n int) {
	t.Helper()
	for _, e := range all {
		if e.Status().Terminal() {
			continue
		}
		r, err := f.Rehearse(t.Context(), e.Log())
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != replay.VerdictFits {
			t.Errorf("a rehearsal %s: %v", r.Verdict, r.Diverged)
		}
		if r.NeedsDeclarations() {
			n++
		}
	}
	return n
}
