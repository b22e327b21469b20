package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/replay"
)

// interruption is what happens at a point of an execution.
type interruption int

const (
	goesOn    interruption = iota
	lost                   // the function is lost; after the call was committed, if there is one
	lostFirst              // the function is lost before the call has reached anything
	replyLost              // the call was committed, the network drops the reply
	throttled              // the call was refused and is to be repeated
)

// schedule says what disturbs an execution.
type schedule struct {
	name string
	seed int64
	// at decides what happens to the n-th call of the execution; nil: nothing happens.
	at func(n int, p local.Point) interruption
	// answers is how often, in percent, an answer gets lost.
	answers int
	// page is the number of operations of a page of the state; zero for all.
	page int
	opts []replay.HandlerOption
}

// lawOutcome is all that is known of an execution that has ended.
type lawOutcome struct {
	status      local.Status
	result      string
	failure     *checkpoint.Failure
	records     map[string]checkpoint.Operation
	order       []string // of the IDs
	invocations int
	calls       int // checkpoint calls that were made
	cuts        int // interruptions
	// committed are the updates of the calls that were accepted, call by call.
	committed [][]checkpoint.Update
	run       *lawRun
	left      int // invocations that ended before their goroutines
	err       error
}

func (o *lawOutcome) String() string {
	s := fmt.Sprintf("%s %s", o.status, o.result)
	if f := o.failure; f != nil {
		s += fmt.Sprintf(" %s: %s %s", f.Type, f.Message, f.Data)
	}
	if o.err != nil {
		s += " (" + o.err.Error() + ")"
	}
	return s
}

// execute runs a program under a schedule to its end.
func execute(ctx context.Context, p *program, s schedule) *lawOutcome {
	ctx, cancel := watched(ctx)
	defer cancel()
	clock := local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	o := &lawOutcome{run: newLawRun(p, s.seed, clock), records: make(map[string]checkpoint.Operation)}
	defer sayStuck(ctx, &o.err)
	var mu sync.Mutex // guards the outcome and rng
	rng := rand.New(rand.NewSource(s.seed))
	fate := make(map[[2]int]interruption) // of a call, by invocation and number
	decide := func(pt local.Point) interruption {
		mu.Lock()
		defer mu.Unlock()
		if pt.Moment == local.MomentAnswer {
			if rng.Intn(100) < s.answers {
				o.cuts++
				return lost
			}
			return goesOn
		}
		if pt.Call == 0 || s.at == nil {
			return goesOn
		}
		key := [2]int{pt.Invocation, pt.Call}
		f, ok := fate[key]
		if !ok {
			o.calls++
			f = s.at(o.calls, pt)
			fate[key] = f
			if f != goesOn {
				o.cuts++
			}
		}
		return f
	}
	svc := local.New(
		local.WithClock(clock),
		local.WithLimits(local.Limits{Operations: 1 << 20, PageItems: s.page, FailedInvocations: -1}),
		local.WithFaults(local.Faults{
			Lose: func(pt local.Point) bool {
				f := decide(pt)
				return (pt.Moment == local.MomentBeforeCall && f == lostFirst) ||
					((pt.Moment == local.MomentAfterCall || pt.Moment == local.MomentAnswer) && f == lost)
			},
			Fail: func(pt local.Point) error {
				switch f := decide(pt); {
				case pt.Moment == local.MomentBeforeCall && f == throttled:
					return &checkpoint.APIError{Call: pt.API, HTTPStatus: 429, Code: "TooManyRequestsException", Message: "Rate exceeded"}
				case pt.Moment == local.MomentAfterCall && f == replyLost:
					return errors.New("connection reset by peer")
				}
				return nil
			},
			Committed: func(pt local.Point) {
				mu.Lock()
				defer mu.Unlock()
				if s.at == nil {
					o.calls++
				}
				o.committed = append(o.committed, slices.DeleteFunc(slices.Clone(pt.Updates), func(u checkpoint.Update) bool {
					return u.SubType == subtype.Usage
				}))
			},
		}))
	defer svc.Close()
	logs := replay.WithLogHandler(&leftovers{Handler: slog.DiscardHandler, tell: func() {
		mu.Lock()
		defer mu.Unlock()
		o.left++
	}})
	grace := replay.WithGrace(30 * time.Second) // a goroutine that is left shows; one that a busy machine holds up is not left
	if o.err = svc.Host("law", o.run.function(append(s.opts, logs, grace)...)); o.err != nil {
		return o
	}
	e, err := svc.Start(ctx, "law", "law", []byte(`{}`))
	if err != nil {
		o.err = err
		return o
	}
	o.err = e.Drive(ctx)
	mu.Lock()
	defer mu.Unlock()
	o.status, o.result, o.failure, o.invocations = e.Status(), string(e.Result()), e.Failure(), e.Invocations()
	for _, rec := range e.Operations() {
		if rec.Kind != checkpoint.KindExecution && rec.SubType != subtype.Usage { // what is hidden depends on when calls are cut
			o.records[rec.ID] = rec
			o.order = append(o.order, rec.ID)
		}
	}
	return o
}

// leftovers drops log records, and says when an invocation has ended before its goroutines.
type leftovers struct {
	slog.Handler

	tell func()
}

// Enabled reports whether a record is looked at.
func (*leftovers) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (h *leftovers) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "goroutines of the handler did not end") {
		h.tell()
	}
	return nil
}

func (h *leftovers) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h *leftovers) WithGroup(string) slog.Handler { return h }

// The schedules that a program is run under, beside the one without disturbances.

// afterEvery loses the function after each call that was committed. The start of an attempt that
// a loss ends is let through the second time, or the attempts would never end; so are polls, after
// some were lost: one that comes in the middle of each attempt of two steps that take turns would
// end them all.
func afterEvery(p *program, seed int64) schedule {
	strict := make(map[int]bool)
	walkStmts(p.body, 0, func(s *stmt, _ int) { strict[s.num] = s.script.strict() })
	seen := make(map[string]bool)
	polls := 0
	return schedule{name: "lost after every call", seed: seed, page: int(seed & 3), at: func(_ int, pt local.Point) interruption {
		if pt.API != "CheckpointDurableExecution" {
			return goesOn
		}
		if len(pt.Updates) == 0 {
			const lostPolls = 20
			if polls++; polls > lostPolls {
				return goesOn
			}
		}
		again := false
		for _, u := range pt.Updates {
			if u.Action == checkpoint.ActionStart && strict[stmtOf(u.Name)] {
				again = again || seen[u.ID]
				seen[u.ID] = true
			}
		}
		if again {
			return goesOn
		}
		return lost
	}}
}

// disturbed is how many calls are disturbed at random: concurrent at-most-once steps would take
// forever to all be let through by chance.
const disturbed = 80

// before loses the function before two calls of five.
func before(seed int64) schedule {
	rng := rand.New(rand.NewSource(seed))
	return schedule{name: "lost before calls", seed: seed, at: func(n int, _ local.Point) interruption {
		if n <= disturbed && rng.Intn(5) < 2 {
			return lostFirst
		}
		return goesOn
	}}
}

// mixed does a little of everything.
func mixed(seed int64) schedule {
	rng := rand.New(rand.NewSource(seed))
	return schedule{
		name: "disturbed at random", seed: seed, page: rng.Intn(5), answers: 15,
		opts: []replay.HandlerOption{replay.WithReadyStart(rng.Intn(2) == 0)},
		at: func(n int, _ local.Point) interruption {
			if n > disturbed {
				return goesOn
			}
			return [...]interruption{lost, lostFirst, replyLost, throttled, goesOn, goesOn, goesOn, goesOn, goesOn, goesOn}[rng.Intn(10)]
		},
	}
}

// atCall disturbs one call.
func atCall(n int, how interruption, seed int64) schedule {
	return schedule{name: fmt.Sprintf("call %d: %v", n, how), seed: seed, at: func(call int, _ local.Point) interruption {
		if call == n {
			return how
		}
		return goesOn
	}}
}
