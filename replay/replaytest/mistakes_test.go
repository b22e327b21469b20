package replaytest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// TestMistakesOfTheChecker runs the mistakes that perdure check finds. The page of each rule says
// what stops it. If its cell of the kit begins with "yes", the kit reports the handler, whatever
// the test expects of it, or the execution fails; otherwise the kit is silent. If its cell of the
// engine begins with "yes", the execution fails.
//
// The checker finds them here, too: op/opcheck/testdata/own.tsv lists this file with all of these
// rules but five. Three are opt-in, one leaves out variables that tests write, and one needs a
// handler that is made of a named function.
func TestMistakesOfTheChecker(t *testing.T) {
	t.Parallel()
	said := whatStops(t)
	for rule, m := range mistakes() {
		page, ok := said[rule]
		if !ok {
			t.Errorf("%s: there is no page of this rule", rule)
			continue
		}
		delete(said, rule)
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			limit := replaytest.WithTimeLimit(cmp.Or(m.limit, time.Minute))
			explored := record(t, func(tb *recorder) {
				replaytest.Explore(tb, replay.Handler(m.handler(t)), 1, limit, replaytest.WithSchedules(0))
			})
			var err error
			ran := record(t, func(tb *recorder) { err = replaytest.Run(tb, replay.Handler(m.handler(t)), 1, limit).Err })
			all := strings.Join(append(explored.errs, ran.errs...), "\n")
			if yes := strings.HasPrefix(page.kit, "yes"); yes != (m.reports != "" || m.fails != "") {
				t.Errorf("%s: the page says %q of the kit", m.reason, page.kit)
			}
			if yes := strings.HasPrefix(page.engine, "yes"); yes != (m.fails != "") {
				t.Errorf("%s: the page says %q of the engine", m.reason, page.engine)
			}
			if m.reports == "" && all != "" {
				t.Errorf("%s: the kit reports\n%s", m.reason, all)
			}
			if !regexp.MustCompile(m.reports).MatchString(all) {
				t.Errorf("%s: no %q in:\n%s", m.reason, m.reports, all)
			}
			if m.fails != "" && (err == nil || !strings.Contains(err.Error(), m.fails)) {
				t.Errorf("%s: the execution ends with %v, want %q in it", m.reason, err, m.fails)
			}
		})
	}
	delete(said, "allow")      // a comment
	delete(said, "unresolved") // the same mistakes, behind an interface
	for rule := range said {
		t.Errorf("%s: no handler shows what its page says", rule)
	}
}

// stops are cells of a page.
type stops struct{ kit, engine string }

// whatStops reads the pages of the rules.
func whatStops(t *testing.T) map[string]stops {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join("..", "..", "op", "opcheck", "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	said := map[string]stops{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		row := strings.Split(lines[len(lines)-1], " | ") // "| compiler | checker | kit | engine |"
		if len(row) != 4 {
			t.Fatalf("%s: its last line is no row of four", page)
		}
		said[strings.TrimSuffix(filepath.Base(page), ".md")] = stops{row[2], row[3]}
	}
	return said
}

// mistake is a handler with one mistake, made again for each test of it.
type mistake struct {
	reason  string
	handler func(t *testing.T) func(op.Context, int) (string, error)
	limit   time.Duration // of real time; zero is that of the kit
	reports string        // matched by what the kit reports; empty if it reports nothing
	fails   string        // part of the error that the execution ends with; empty if it may succeed
}

// handle is a mistake that keeps nothing between executions.
func handle(reason, reports string, f func(op.Context, int) (string, error)) mistake {
	return mistake{reason: reason, reports: reports, handler: func(*testing.T) func(op.Context, int) (string, error) { return f }}
}

// refused is a mistake that the execution fails with.
func refused(reason string, err error, f func(op.Context, int) (string, error)) mistake {
	return mistake{reason: reason, fails: err.Error(), handler: func(*testing.T) func(op.Context, int) (string, error) { return f }}
}

var (
	errOutOfStock = errors.New("out of stock")
	visits        = struct { // what a process keeps between invocations
		sync.Mutex
		n int
	}{}
)

func mistakes() map[string]mistake { //nolint:maintidx // a table
	nop := func(context.Context) error { return nil }
	pack := op.DoFunc("pack", func(context.Context, string) error { return nil })
	suspend := func(ctx op.Context) error { return replay.Exec(ctx, op.Wait("pause", time.Hour)) }
	return map[string]mistake{
		"bigint": handle("the kit is a reader in Go", "", func(ctx op.Context, _ int) (string, error) {
			n, err := replay.Run(ctx, op.Step("number", func(context.Context) (int64, error) { return 1<<53 + 1, nil }))
			return strconv.FormatInt(n, 10), err
		}),
		"blank": handle("the scope goes on, and succeeds", "", func(ctx op.Context, _ int) (string, error) {
			_ = replay.Exec(ctx, op.Do("mail", func(context.Context) error { return errOutOfStock }, op.WithRetry(retry.Never())))
			return "", replay.Exec(ctx, pack("x"))
		}),
		"blocking": {
			reason: "the virtual clock stands still", reports: `it has not ended within 100ms of real time`,
			limit: 100 * time.Millisecond,
			handler: func(*testing.T) func(op.Context, int) (string, error) {
				return func(op.Context, int) (string, error) { time.Sleep(time.Second); return "", nil }
			},
		},
		"bodywrite": handle("the variable is not set on a replay", `the input of "pack" .*was "yes", and "" when the code was replayed`,
			func(ctx op.Context, _ int) (string, error) {
				seen := ""
				err := replay.Exec(ctx, op.Do("look", func(context.Context) error { seen = "yes"; return nil }))
				return "", errors.Join(err, replay.Exec(ctx, pack(seen)))
			}),
		"clock": handle("the input differs", `not deterministic(.*\n)*.*replay\.Now`, func(ctx op.Context, _ int) (string, error) {
			return "", replay.Exec(ctx, pack(time.Now().String()))
		}),
		"concurrency": refused("a goroutine runs an operation", replay.ErrConcurrent, func(ctx op.Context, _ int) (string, error) {
			var wg sync.WaitGroup
			wg.Go(func() { _ = replay.Exec(ctx, op.Do("aside", nop)) })
			wg.Wait()
			return "", nil
		}),
		"constname": handle("the name is the same each time", "", func(ctx op.Context, n int) (string, error) {
			return "", replay.Exec(ctx, op.Do("pack-"+strconv.Itoa(n), nop))
		}),
		"declared": {
			reason: "a key that an old side has used up", fails: "the old side of a declared change before it has this name and key, too",
			handler: func(*testing.T) func(op.Context, int) (string, error) {
				return func(ctx op.Context, _ int) (string, error) {
					charge := op.Do("charge", nop).Key("order")
					if err := replay.Exec(ctx, op.Removed(charge)); err != nil {
						return "", err
					}
					return "", replay.Exec(ctx, charge)
				}
			},
		},
		"deferred": handle("nothing counts what is deferred", "", func(ctx op.Context, _ int) (string, error) {
			defer os.Remove("no-such-file")
			return "", suspend(ctx)
		}),
		"dropped": handle("the zero value is a value", "", func(ctx op.Context, _ int) (string, error) {
			v, _ := replay.Run(ctx, op.Step("pick", func(context.Context) (string, error) { return "", errOutOfStock }, op.WithRetry(retry.Never())))
			return "picked " + v, nil
		}),
		"environ": handle("the environment does not change", "", func(ctx op.Context, _ int) (string, error) {
			return "", replay.Exec(ctx, pack(os.Getenv("HOME")))
		}),
		"files": handle("the files do not change", "", func(ctx op.Context, _ int) (string, error) {
			_, err := os.Stat("mistakes_test.go")
			return "", errors.Join(err, replay.Exec(ctx, pack("x")))
		}),
		"future": handle("what is left behind looks like this", "", func(ctx op.Context, _ int) (string, error) {
			replay.Go(ctx, op.Wait("reminder", time.Hour))
			return "", replay.Exec(ctx, pack("x"))
		}),
		"ignorescontext": handle("the body ends soon", "", func(ctx op.Context, _ int) (string, error) {
			return "", replay.Exec(ctx, op.Do("poll", func(context.Context) error {
				for range 2 {
					time.Sleep(time.Microsecond)
				}
				return nil
			}))
		}),
		"idempotency": handle("the API does not refuse the second charge", "", func(ctx op.Context, _ int) (string, error) {
			return "", replay.Exec(ctx, op.Do("charge", nop))
		}),
		"invocation": handle("the call has the same result each time", "", func(ctx op.Context, _ int) (string, error) {
			port, err := net.DefaultResolver.LookupPort(ctx.InvocationContext(), "tcp", "http")
			return "", errors.Join(err, replay.Exec(ctx, pack(strconv.Itoa(port))))
		}),
		"lock": {
			reason: "the next invocation waits for it", reports: `it has not ended within 1s of real time(.*\n)*.*waits in sync\.\(\*Mutex\)\.Lock`,
			limit: time.Second,
			handler: func(t *testing.T) func(op.Context, int) (string, error) {
				t.Helper()
				var mu sync.Mutex
				t.Cleanup(mu.Unlock) // for who waits for it
				return func(ctx op.Context, _ int) (string, error) {
					mu.Lock()
					err := suspend(ctx)
					mu.Unlock()
					return "", err
				}
			},
		},
		"loopkey": handle("a repeat without a key", `repeats the name of "pack" .*without a key`, func(ctx op.Context, _ int) (string, error) {
			for _, item := range []string{"a", "b"} {
				if err := replay.Exec(ctx, pack(item)); err != nil {
					return "", err
				}
			}
			return "", nil
		}),
		"lossy": handle("the first run loses it as well", "", func(ctx op.Context, _ int) (string, error) {
			type parcel struct{ label string }
			p, err := replay.Run(ctx, op.Step("label", func(context.Context) (parcel, error) { return parcel{"x"}, nil }))
			return p.label, err
		}),
		"maporder": handle("another order each time", `not deterministic(.*\n)*.*iterates a map`, func(ctx op.Context, _ int) (string, error) {
			for sku := range map[string]bool{"a": true, "b": true, "c": true, "d": true, "e": true, "f": true, "g": true} {
				if err := replay.Exec(ctx, pack(sku).Key(sku)); err != nil {
					return "", err
				}
			}
			return "", nil
		}),
		"mean": handle("the list is not empty", "", func(ctx op.Context, n int) (string, error) {
			mean, err := replay.Run(ctx, op.Step("mean", func(context.Context) (float64, error) {
				payments, sum := make([]float64, n), 0.0
				for _, p := range payments {
					sum += p
				}
				return sum / float64(len(payments)), nil
			}, op.WithRetry(retry.Never())))
			return strconv.FormatFloat(mean, 'g', -1, 64), err
		}),
		"network": handle("the call has the same result each time", "", func(ctx op.Context, _ int) (string, error) {
			port, err := net.LookupPort("tcp", "http") //nolint:noctx // a call that takes no context
			return "", errors.Join(err, replay.Exec(ctx, pack(strconv.Itoa(port))))
		}),
		"nan": handle("the test has no such value", "", func(ctx op.Context, n int) (string, error) {
			mean, err := replay.Run(ctx, op.Step("mean", func(context.Context) (float64, error) { return 1 / float64(n), nil }))
			return strconv.FormatFloat(mean, 'g', -1, 64), err
		}),
		"neverrun": handle("nothing is recorded", "", func(ctx op.Context, _ int) (string, error) {
			_ = op.Do("forgotten", nop)
			return "", replay.Exec(ctx, pack("x"))
		}),
		"once": {
			reason: "it is spent after the first suspend", reports: "not deterministic", fails: "the execution diverged",
			handler: func(*testing.T) func(op.Context, int) (string, error) {
				var once sync.Once
				return func(ctx op.Context, _ int) (s string, err error) {
					once.Do(func() { err = suspend(ctx) })
					return "", err
				}
			},
		},
		"outercontext": refused("an operation inside of another", replay.ErrNested, func(ctx op.Context, _ int) (string, error) {
			return "", replay.Exec(ctx, op.Do("outer", func(context.Context) error { return replay.Exec(ctx, op.Do("inner", nop)) }))
		}),
		"packagevar": handle("another execution has changed it", `not deterministic`, func(ctx op.Context, _ int) (string, error) {
			visits.Lock()
			visits.n++
			n := visits.n
			visits.Unlock()
			return "", replay.Exec(ctx, pack(strconv.Itoa(n)))
		}),
		"process": handle("the process is the same", "", func(ctx op.Context, _ int) (string, error) {
			return "", replay.Exec(ctx, pack(strconv.Itoa(os.Getpid())))
		}),
		"random": handle("the input differs", `not deterministic(.*\n)*.*replay\.Rand`, func(ctx op.Context, _ int) (string, error) {
			return "", replay.Exec(ctx, pack(strconv.Itoa(rand.Int())))
		}),
		"repeatcharge": handle("the API does not refuse the second charge", "", func(ctx op.Context, _ int) (string, error) {
			return "", replay.Exec(ctx, op.Do("charge", nop, op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Default())))
		}),
		"samename": handle("a repeat without a key", `repeats the name of "pack" .*without a key`, func(ctx op.Context, _ int) (string, error) {
			return "", errors.Join(replay.Exec(ctx, pack("a")), replay.Exec(ctx, pack("b")))
		}),
		"secretlog": handle("the kit does not read logs", "", func(ctx op.Context, _ int) (string, error) {
			cb, err := replay.Run(ctx, op.CreateCallback[string]("approve", op.WithTimeout(time.Hour)))
			ctx.Logger().Info("waiting", "id", cb.ID) //nolint:sloglint // as users write it
			return "", err
		}),
		"unawaited": handle("the step succeeds, and the scope waits for it", "", func(ctx op.Context, n int) (string, error) {
			replay.Go(ctx, op.Do("announce", func(context.Context) error {
				if n == 0 {
					return errOutOfStock
				}
				return nil
			}, op.WithRetry(retry.Never())))
			return "", errors.Join(suspend(ctx), replay.Exec(ctx, pack("x")))
		}),
		"undoreads": handle("nothing compares what was cancelled", "", func(ctx op.Context, _ int) (string, error) {
			last := ""
			for _, trip := range []string{"a", "b"} {
				ref, err := replay.Run(ctx, op.Step("book", func(context.Context) (string, error) { return trip, nil }).Key(trip).
					Undo(func(context.Context, string) error { return ignoreTrip(last) }))
				if err != nil {
					return "", err
				}
				last = ref
			}
			return "", errOutOfStock
		}),
		"unregistered": handle("the first run does not know it either", "", func(ctx op.Context, _ int) (string, error) {
			err := replay.Exec(ctx, op.Do("pick", func(context.Context) error { return fmt.Errorf("pick: %w", errOutOfStock) }, op.WithRetry(retry.Never())))
			if errors.Is(err, errOutOfStock) {
				return "ordered", nil
			}
			return "picked", nil
		}),
		"unstablekey": handle("the list does not change", "", func(ctx op.Context, _ int) (string, error) {
			for i, item := range []string{"a", "b"} {
				if err := replay.Exec(ctx, pack(item).Key(strconv.Itoa(i))); err != nil {
					return "", err
				}
			}
			return "", nil
		}),
	}
}

// released is a handler whose code is another one after as many invocations.
func released(old int64, before, after func(op.Context) error) func(op.Context, int) (string, error) {
	var invocations atomic.Int64
	return func(ctx op.Context, _ int) (string, error) {
		if invocations.Add(1) <= old {
			return "", before(ctx)
		}
		return "", after(ctx)
	}
}

// TestMistakesThatAnInputShows runs mistakes that need an input of 0: the pages say that a test
// with such a value sees the operation, or its scope, fail.
func TestMistakesThatAnInputShows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule, reason, want string
		done               []string // operations that the execution has recorded
	}{
		{"mean", "nothing by nothing is not a number", "NaN", nil},
		{"nan", "something by nothing is infinite", "+Inf", nil},
		{"unawaited", "the step fails, and the scope fails at its end", errOutOfStock.Error(), []string{"pause", "pack"}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			var res *replaytest.Result[string]
			record(t, func(tb *recorder) { res = replaytest.Run(tb, replay.Handler(mistakes()[tt.rule].handler(t)), 0) })
			if res.Err == nil || !strings.Contains(res.Err.Error(), tt.want) {
				t.Errorf("%s: the execution ends with %v, want %q in it", tt.reason, res.Err, tt.want)
			}
			for _, path := range tt.done {
				if got := res.Op(path).Status; got != checkpoint.StatusSucceeded {
					t.Errorf("%s: %s has the status %q", tt.reason, path, got)
				}
			}
		})
	}
}

// TestMistakesOfDeclaredChanges says by a declaration that a charge is gone, and runs it all the
// same: it is refused whatever the execution has recorded, and no card is charged again.
func TestMistakesOfDeclaredChanges(t *testing.T) {
	t.Parallel()
	pause, again := op.Wait("pause", time.Hour), op.Do("again", func(context.Context) error { return nil })
	declare := map[string]func(op.Context, op.Op[op.None]) error{
		"Removed":  func(ctx op.Context, charge op.Op[op.None]) error { return replay.Exec(ctx, op.Removed(charge)) },
		"Replaces": func(ctx op.Context, charge op.Op[op.None]) error { return replay.Exec(ctx, op.Replaces(again, charge)) },
	}
	const noKey, sameKey = `"charge#2": the old side of a declared change before it has this name, too`,
		`"charge[order]#2": the old side of a declared change before it has this name and key, too`
	tests := []struct {
		reason  string
		key     string
		old     int64 // invocations that the code before it has
		later   bool  // a wait is recorded behind the charge, not before it
		fails   string
		charges int64
	}{
		{"a key, and a wait was recorded after the charge", "order", 1, true, sameKey, 1},
		{"a key, and nothing was recorded after the charge", "order", 1, false, sameKey, 1},
		{"a key, and the execution is new", "order", 0, true, sameKey, 0},
		{"no key, and a wait was recorded after the charge", "", 1, true, noKey, 1},
		{"no key, and nothing was recorded after the charge", "", 1, false, noKey, 1},
		{"no key, and the execution is new", "", 0, true, noKey, 0},
	}
	for how, gone := range declare {
		for _, tt := range tests {
			t.Run(how+"/"+tt.reason, func(t *testing.T) {
				t.Parallel()
				var charges atomic.Int64
				charge := op.Do("charge", func(context.Context) error { charges.Add(1); return nil })
				if tt.key != "" {
					charge = charge.Key(tt.key)
				}
				code := func(declared bool) func(op.Context) error {
					return func(ctx op.Context) error {
						paused := pause
						if !tt.later {
							paused = replay.Go(ctx, pause).Result()
						}
						if declared {
							if err := gone(ctx, charge); err != nil {
								return err
							}
						}
						if err := replay.Exec(ctx, charge); err != nil {
							return err
						}
						return replay.Exec(ctx, paused)
					}
				}
				var err error
				record(t, func(tb *recorder) {
					err = replaytest.Run(tb, replay.Handler(released(tt.old, code(false), code(true))), 1).Err
				})
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("the execution ends with %v, want %q in it", err, tt.fails)
				}
				if got := charges.Load(); got != tt.charges {
					t.Errorf("the card is charged %d times, want %d", got, tt.charges)
				}
			})
		}
	}
}

func ignoreTrip(string) error { return nil }
