package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/samber/lo"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

type stringOp = op.Op[string]

// refusing is an operation whose result a function refuses.
func refusing(o stringOp) stringOp {
	return op.Transform(o, func(v string) (string, error) { return "", fmt.Errorf("%q: %w", v, errRefused) })
}

func same(v string) (string, error) { return v, nil }

// first gives the first of several results.
func first(vs []string) (string, error) { return vs[0], nil }

// refusingKinds are the ways in which an operation named n can complete with a result that
// is refused, or cannot be read.
func refusingKinds() map[string]func(ctx op.Context, n string) stringOp {
	step := func(n string) stringOp { return plainStep(n, "raw") }
	group := func(n string) stringOp {
		return op.Group(n, func(ctx op.Context) (string, error) { return replay.Run(ctx, step("inner")) })
	}
	return map[string]func(ctx op.Context, n string) stringOp{
		"a step":  func(_ op.Context, n string) stringOp { return refusing(step(n)) },
		"a group": func(_ op.Context, n string) stringOp { return refusing(group(n)) },
		"a group with a wait": func(_ op.Context, n string) stringOp {
			return refusing(op.Group(n, func(ctx op.Context) (string, error) { return "raw", replay.Exec(ctx, op.Wait("nap", time.Second)) }))
		},
		"a transform of a transform":        func(_ op.Context, n string) stringOp { return op.Transform(refusing(step(n)), same) },
		"a transform that is refused later": func(_ op.Context, n string) stringOp { return refusing(op.Transform(step(n), same)) },
		"with a mapped error": func(_ op.Context, n string) stringOp {
			return refusing(step(n)).MapError(func(err error) error { return err })
		},
		"a transform of a mapped error": func(_ op.Context, n string) stringOp {
			return refusing(step(n).MapError(func(error) error { return nil }))
		},
		"with a key and a summary": func(_ op.Context, n string) stringOp {
			return refusing(step(n)).Key("k").WithSummary(func(string) string { return "" })
		},
		"the first of All": func(_ op.Context, n string) stringOp {
			return op.Transform(op.All(n, refusing(step("in")), slow("pause")), first)
		},
		"an All that is refused": func(_ op.Context, n string) stringOp { return refusing(op.Transform(op.All(n, step("in")), first)) },
		"a race":                 func(_ op.Context, n string) stringOp { return op.Race(n, refusing(step("in")), slow("pause")) },
		"a race that is refused": func(_ op.Context, n string) stringOp { return refusing(op.Race(n, step("in"), slow("pause"))) },
		"Any without a success":  func(_ op.Context, n string) stringOp { return op.Any(n, refusing(step("in")), failingStep("other")) },
		"Join2": func(_ op.Context, n string) stringOp {
			return op.Transform(op.Join2(n, refusing(step("in")), slow("p")), func(lo.Tuple2[string, string]) (string, error) { return "", nil })
		},
		"Timeout": func(_ op.Context, n string) stringOp { return op.Timeout(n, refusing(step("in")), time.Hour) },
		"Select": func(_ op.Context, n string) stringOp {
			return op.Transform(op.RaceWinner(n, refusing(step("in"))), func(w op.Winner[string]) (string, error) { return w.Value, nil })
		},
		"Retry that gives up":     func(_ op.Context, n string) stringOp { return op.Retry(n, refusing(step("in")), attemptsOf(2)) },
		"a Retry that is refused": func(_ op.Context, n string) stringOp { return refusing(op.Retry(n, step("in"), attemptsOf(2))) },
		"Retry of Retry": func(_ op.Context, n string) stringOp {
			return op.Retry(n, op.Retry("in", refusing(step("in")), attemptsOf(2)), attemptsOf(2))
		},
		"a future":                 func(ctx op.Context, n string) stringOp { return replay.Go(ctx, refusing(step(n))).Result() },
		"a future that is refused": func(ctx op.Context, n string) stringOp { return refusing(replay.Go(ctx, step(n)).Result()) },
		"a map":                    func(_ op.Context, n string) stringOp { return mapOf(n) },
		"a map of chunks":          func(_ op.Context, n string) stringOp { return mapOf(n, op.WithChunks(2, 0)) },
		"a flat map":               func(_ op.Context, n string) stringOp { return mapOf(n, op.WithFlat()) },
		"a function that panics": func(_ op.Context, n string) stringOp {
			return op.Transform(step(n), func(string) (string, error) { panic("refused") })
		},
		"a nil pointer as an error": func(_ op.Context, n string) stringOp {
			return op.Transform(step(n), func(string) (string, error) { var e *nilRefusal; return "", e })
		},
		"a function that asks its scope": func(ctx op.Context, n string) stringOp {
			return refusing(op.Transform(step(n), func(v string) (string, error) { ctx.Logger().Info("asked", "now", replay.Now(ctx)); return v, nil })) //nolint:sloglint // as users do
		},
		"a result of a group that is no JSON": func(_ op.Context, n string) stringOp {
			return op.Transform(op.Group(n, func(op.Context) (oneWay, error) { return oneWay{}, nil }), func(oneWay) (string, error) { return "", nil })
		},
		"large results": func(_ op.Context, n string) stringOp {
			return refusing(plainStep(n, strings.Repeat("raw", 100<<10))).MapError(func(error) error { return errRefused })
		},
	}
}

// nilRefusal is an error whose nil pointer is one too.
type nilRefusal struct{} //nolint:errname // what it is

func (*nilRefusal) Error() string { return "refused" }

// oneWay can be written and not read.
type oneWay struct{}

func (oneWay) MarshalJSON() ([]byte, error) { return []byte(`"out"`), nil }
func (*oneWay) UnmarshalJSON([]byte) error  { return errRefused }

func mapOf(n string, opts ...op.MapOption) stringOp {
	m := op.Map(n, []string{"1", "2"}, func(v string) stringOp {
		return op.Transform(plainStep("in", v), func(v string) (string, error) {
			if v == "2" {
				return "", errRefused
			}
			return v, nil
		})
	}, opts...)
	return op.Transform(m, func(b op.Batch[string]) (string, error) { return fmt.Sprint(b.Values()), nil })
}

// facts says them with a space between all of them.
func facts(all ...any) string { return strings.TrimSuffix(fmt.Sprintln(all...), "\n") }

// refusingHosts are what runs such an operation beside one that succeeds after an hour, and what
// comes of it.
func refusingHosts() map[string]struct {
	run  func(ctx op.Context, bad, good stringOp) string
	want string
} {
	type host = struct {
		run  func(ctx op.Context, bad, good stringOp) string
		want string
	}
	statuses := func(b op.Batch[string], err error) string {
		var all []string
		for _, it := range b.Items {
			all = append(all, string(it.Status))
		}
		var failed *op.BatchError
		return facts(all, b.Reason, len(b.Values()), len(b.Errors()), errors.As(err, &failed) && failed.Started == b.Len())
	}
	parallel := func(opts ...op.BatchOption) func(ctx op.Context, bad, good stringOp) string {
		return func(ctx op.Context, bad, good stringOp) string {
			return statuses(replay.Run(ctx, op.Parallel("p", []stringOp{bad, good}, opts...)))
		}
	}
	all, flat := op.WithCompletion(op.AllCompleted()), op.WithFlat()
	early := "[FAILED STARTED] FAILURE_TOLERANCE_EXCEEDED 0 1 true"
	late := "[FAILED SUCCEEDED] ALL_COMPLETED 1 1 false"
	return map[string]host{
		"Parallel":                    {parallel(), early},
		"a flat Parallel":             {parallel(flat), early},
		"Parallel to the end":         {parallel(all), late},
		"a flat Parallel to the end":  {parallel(all, flat), late},
		"Parallel that tolerates one": {parallel(op.WithCompletion(op.Tolerate(1))), late},
		"Parallel for one success":    {parallel(op.WithCompletion(op.FirstSuccessful())), late},
		"Parallel by a rule": {
			parallel(op.WithCompletion(op.CompleteWhen(func(p op.Progress) op.Verdict {
				if p.Failed == 1 && p.Started == 2 && p.Succeeded == 0 {
					return op.VerdictFail
				}
				return op.VerdictContinue
			}))), "[FAILED STARTED] CUSTOM_COMPLETION_FAILED 0 1 true",
		},
		"AllSettled": {func(ctx op.Context, bad, good stringOp) string {
			return statuses(replay.Run(ctx, op.AllSettled("s", bad, good)))
		}, late},
		"Any": {func(ctx op.Context, bad, good stringOp) string {
			v, err := replay.Run(ctx, op.Any("any", bad, good))
			return facts(v, err)
		}, "late <nil>"},
		"Any of Any": {func(ctx op.Context, bad, good stringOp) string {
			v, err := replay.Run(ctx, op.Any("any", op.Any("in", bad), good))
			return facts(v, err)
		}, "late <nil>"},
		"All": {func(ctx op.Context, bad, good stringOp) string {
			v, err := replay.Run(ctx, op.All("all", bad, good))
			return facts(v, err != nil)
		}, "[] true"},
		"Exec of All": {func(ctx op.Context, bad, good stringOp) string {
			return strconv.FormatBool(replay.Exec(ctx, op.All("all", bad, good)) != nil)
		}, "true"},
		"Join2": {func(ctx op.Context, bad, good stringOp) string {
			v, err := replay.Run(ctx, op.Join2("both", good, bad))
			return facts(v.B, err != nil)
		}, " true"},
		"Select": {func(ctx op.Context, bad, good stringOp) string {
			w, err := replay.Run(ctx, op.RaceWinner("select", good, bad))
			return facts(w.Index, w.Name, w.Value, err != nil)
		}, "1 bad  true"},
	}
}

// Whatever completed with a result that is no result to whoever runs it has failed, for whatever
// waits for it: now, and when it is read from the log.
func TestRefusedResultsCountAsFailures(t *testing.T) {
	t.Parallel()
	for kind, bad := range refusingKinds() {
		for name, host := range refusingHosts() {
			t.Run(name+" of "+kind, func(t *testing.T) {
				t.Parallel()
				got, _ := onceMore(t, func(ctx op.Context) string {
					return host.run(ctx, bad(ctx, "bad"), slow("good"))
				}, withRefused(), replay.WithLogHandler(slog.DiscardHandler))
				if got != host.want {
					t.Errorf("got %s, want %s", got, host.want)
				}
			})
		}
	}
}

// A function may also make a success of a failure.
func TestForgivenErrorsCountAsSuccesses(t *testing.T) {
	t.Parallel()
	forgiven := failingStep("charge").MapError(func(error) error { return nil })
	tests := []struct {
		reason string
		run    func(ctx op.Context) string
		want   string
	}{
		{"Any picks it", func(ctx op.Context) string {
			v, err := replay.Run(ctx, op.Any("any", forgiven, slow("good")))
			return fmt.Sprintf("%q %v", v, err)
		}, `"" <nil>`},
		{"a map is complete", func(ctx op.Context) string {
			b, err := replay.Run(ctx, op.Parallel("p", []stringOp{forgiven, slow("good")}))
			return fmt.Sprintf("%q %s %v", b.Values(), b.Reason, err)
		}, `["" "late"] ALL_COMPLETED <nil>`},
		{"a flat one too", func(ctx op.Context) string {
			b, err := replay.Run(ctx, op.Parallel("p", []stringOp{forgiven, slow("good")}, op.WithFlat()))
			return fmt.Sprintf("%q %s %v", b.Values(), b.Reason, err)
		}, `["" "late"] ALL_COMPLETED <nil>`},
		{"Retry does not try again", func(ctx op.Context) string {
			v, err := replay.Run(ctx, op.Retry("again", forgiven, attemptsOf(3)))
			return fmt.Sprintf("%q %v", v, err)
		}, `"" <nil>`},
		{"All has a result", func(ctx op.Context) string {
			v, err := replay.Run(ctx, op.All("all", forgiven, slow("good")))
			return fmt.Sprintf("%q %v", v, err)
		}, `["" "late"] <nil>`},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if got, _ := onceMore(t, tt.run); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestRetryIsAskedAboutTheValue(t *testing.T) {
	t.Parallel()
	wrap := func(name string) func(error) error {
		return func(err error) error { return fmt.Errorf("%s: %w", name, err) }
	}
	tests := []struct {
		reason   string
		op       func(o stringOp) stringOp
		want     string
		attempts int
	}{
		{
			"a refused result is attempted again, until one is not",
			func(o stringOp) stringOp {
				return op.Transform(o, func(v string) (string, error) {
					if v < "3" {
						return "", errRefused
					}
					return v, nil
				})
			},
			"3 <nil>", 3,
		},
		{"the last error is that of the result", refusing, ` "5": refused (refused)`, 5},
		{
			"a refusal that is permanent ends it",
			func(o stringOp) stringOp {
				return op.Transform(o, func(string) (string, error) { return "", retry.Permanent(errRefused) })
			},
			" refused (refused)", 1,
		},
		{
			"so does an error that is mapped to a permanent one",
			func(o stringOp) stringOp { return refusing(o).MapError(retry.Permanent) },
			` "1": refused (refused)`, 1,
		},
		{"an error is mapped once", func(o stringOp) stringOp { return refusing(o).MapError(wrap("out")) }, ` out: "5": refused (refused)`, 5},
		{
			"and not by what is inside of the refusal",
			func(o stringOp) stringOp { return refusing(o.MapError(wrap("in"))).MapError(wrap("out")) },
			` out: "5": refused (refused)`, 5,
		},
		{
			"Retry of Retry attempts each as often, and maps each error once",
			func(o stringOp) stringOp { return op.Retry("in", refusing(o), attemptsOf(2)).MapError(wrap("out")) },
			` out: "10": refused (refused)`, 10,
		},
		{
			"what fails itself is mapped once",
			func(stringOp) stringOp { return failingStep("charge").MapError(wrap("out")) },
			" out: card declined ()", 0,
		},
		{
			"a function that panics is attempted again",
			func(o stringOp) stringOp { return op.Transform(o, func(string) (string, error) { panic("refused") }) },
			" panic: refused ()", 5,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			attempts := 0
			step := op.Step("charge", func(context.Context) (string, error) { attempts++; return strconv.Itoa(attempts), nil })
			got, _ := onceMore(t, func(ctx op.Context) string {
				v, err := replay.Run(ctx, op.Retry("again", tt.op(step), attemptsOf(5)))
				if err == nil {
					return fmt.Sprint(v, " ", err)
				}
				facts := ""
				if errors.Is(err, errRefused) {
					facts = "refused"
				}
				return fmt.Sprintf("%s %v (%s)", v, err, facts)
			}, withRefused())
			if got != tt.want || attempts != tt.attempts {
				t.Errorf("got %s after %d attempts, want %s after %d", got, attempts, tt.want, tt.attempts)
			}
		})
	}
}

// What completed and was refused is left behind by its batch: it is undone, once, whether the
// batch succeeds or fails.
func TestRefusedResultsAreUndone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		run    func(ctx op.Context, reserve func(name string) stringOp) error
		want   []string
	}{
		{"by Any that goes on to another", func(ctx op.Context, reserve func(string) stringOp) error {
			return replay.Exec(ctx, op.Any("any", refusing(reserve("a")), slow("b")))
		}, []string{"a"}},
		{"by a map that fails", func(ctx op.Context, reserve func(string) stringOp) error {
			_ = replay.Exec(ctx, op.Map("m", []string{"a", "b"}, func(n string) stringOp {
				if n == "b" {
					return refusing(reserve(n))
				}
				return reserve(n)
			}, op.WithMaxConcurrency(1)))
			return nil
		}, []string{"a", "b"}},
		{"by a map that tolerates it", func(ctx op.Context, reserve func(string) stringOp) error {
			return replay.Exec(ctx, op.Map("m", []string{"a", "b"}, func(n string) stringOp {
				if n == "b" {
					return refusing(reserve(n))
				}
				return reserve(n)
			}, op.WithCompletion(op.AllCompleted())))
		}, []string{"b"}},
		{"by its chunk, and not again by the map", func(ctx op.Context, reserve func(string) stringOp) error {
			_ = replay.Exec(ctx, op.Map("m", []string{"a", "b", "c"}, func(n string) stringOp {
				if n == "b" {
					return refusing(reserve(n))
				}
				return reserve(n)
			}, op.WithChunks(2, 0)))
			return nil
		}, []string{"a", "b", "c"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var undone batchNotes
			f := func(note bool) local.Handler {
				return replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
					err := tt.run(ctx, func(name string) stringOp {
						return plainStep("reserve-"+name, name).Undo(func(_ context.Context, v string) error {
							if note {
								undone.add(v)
							}
							return nil
						})
					})
					return "", errors.Join(err, replay.Exec(ctx, op.Wait("until-tomorrow", 24*time.Hour)))
				}, withRefused())
			}
			e := drive(t, f(true), "null")
			want := tt.want
			if tt.reason == "by its chunk, and not again by the map" {
				got := undone.list()
				if slices.Contains(got, "c") { // whether c had completed when the first chunk failed
					want = []string{"a", "b", "c"}
				} else {
					want = []string{"a", "b"}
				}
			}
			if diff := cmp.Diff(want, undone.list()); diff != "" || !strings.HasPrefix(end(e), "SUCCEEDED") {
				t.Errorf("ended as %s; undone (-want +got):\n%s", end(e), diff)
			}
			through := end(e)
			everyState(t, f(false), f(false), func(where string, e *local.Execution) {
				if end(e) != through {
					t.Errorf("%s: ended as %s, want %s", where, end(e), through)
				}
			})
		})
	}
}

// A function that accepts after a deploy what it refused when the batch ended does not change how
// that has ended.
func TestRefusalsStayWhenTheFunctionChanges(t *testing.T) {
	t.Parallel()
	version := func(refuse bool) local.Handler {
		return replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
			o := op.Transform(plainStep("a", "v"), func(v string) (string, error) {
				if refuse {
					return "", errRefused
				}
				return v, nil
			})
			vs, err := replay.Run(ctx, op.All("all", o, slow("b")))
			b, _ := replay.Run(ctx, op.AllSettled("settled", o, plainStep("b", "w")))
			w, werr := replay.Run(ctx, op.Race("race", o))
			if e := replay.Exec(ctx, op.Wait("deploy", time.Hour)); e != nil {
				return "", e
			}
			return facts(vs, err != nil, len(b.Failed()), b.Values(), w, werr != nil), nil
		})
	}
	e, _ := deployed(t, version(true), version(false), func(p local.Point) (bool, bool) {
		return false, p.Moment == local.MomentBegin && p.Invocation == 2
	})
	if want := `SUCCEEDED "[] true 1 [w]  true"`; end(e) != want {
		t.Errorf("ended as %s, want %s", end(e), want)
	}
}
