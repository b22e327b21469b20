package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestUndoInsideAWrapper: which compensations run, in which order, with what, when the scope of the
// wrapper fails.
func TestUndoInsideAWrapper(t *testing.T) {
	t.Parallel()
	type undone = func(text string)
	reserve := func(name string, u undone) op.Op[string] {
		return op.Step(name, func(context.Context) (string, error) { return name + "!", nil }).
			Undo(func(_ context.Context, v string) error { u("undo " + v); return nil })
	}
	failing := func(name string, u undone) op.Op[string] {
		return op.Step(name, func(context.Context) (string, error) { return "", errDenied }, op.WithRetry(retry.Never())).
			UndoAttempted(func(context.Context) error { u("undo attempted " + name); return nil })
	}
	tests := []struct {
		reason string
		ops    func(u undone) []op.Op[string]
		want   []string
		path   string // of what was undone first
	}{
		{"a time-out", func(u undone) []op.Op[string] { return []op.Op[string]{op.Timeout("t", reserve("a", u), time.Hour)} }, []string{"undo a!"}, "t-undo"},
		{"attempts", func(u undone) []op.Op[string] {
			return []op.Op[string]{op.Retry("r", reserve("a", u), retry.Default())}
		}, []string{"undo a!"}, "r-undo"},
		{"wrappers and steps, the last first", func(u undone) []op.Op[string] {
			return []op.Op[string]{reserve("a", u), op.Timeout("t", reserve("a", u), time.Hour), op.Retry("r", reserve("a", u), retry.Default()), reserve("b", u)}
		}, []string{"undo b!", "undo a!", "undo a!", "undo a!"}, "b-undo"},
		{"one wrapper twice, by key", func(u undone) []op.Op[string] {
			o := op.Timeout("t", reserve("a", u), time.Hour)
			return []op.Op[string]{o.Key("1"), o.Key("2")}
		}, []string{"undo a!", "undo a!"}, "t-undo[2]"},
		{"an Undo behind the wrapper takes the place of that inside", func(u undone) []op.Op[string] {
			return []op.Op[string]{op.Timeout("t", reserve("a", u), time.Hour).Undo(func(_ context.Context, v string) error { u("outer " + v); return nil })}
		}, []string{"outer a!"}, "t-undo"},
		{"the Undo gets what it was declared on, not what was made of it", func(u undone) []op.Op[string] {
			o := op.Transform(reserve("a", u), func(s string) (int, error) { return len(s), nil })
			return []op.Op[string]{op.Transform(op.Timeout("t", o, time.Hour), func(int) (string, error) { return "", nil })}
		}, []string{"undo a!"}, "t-undo"},
		{"an attempted operation is undone once for all attempts", func(u undone) []op.Op[string] {
			var n atomic.Int32
			o := op.Step("a", func(context.Context) (string, error) {
				if n.Add(1) == 1 {
					return "", errThrottled
				}
				return "", nil
			}, op.WithRetry(retry.Never())).UndoAttempted(func(context.Context) error { u("undo attempted a"); return nil })
			return []op.Op[string]{op.Retry("r", o, retry.Fixed(time.Second))}
		}, []string{"undo attempted a"}, "r-undo"},
		{"an attempted operation that failed in time is undone by the time-out alone", func(u undone) []op.Op[string] {
			return []op.Op[string]{op.Timeout("t", failing("a", u), time.Hour)}
		}, []string{"undo attempted a"}, "t/a-undo"},
		{"an operation that was too late has been undone by the time-out alone", func(u undone) []op.Op[string] {
			late := op.Group("g", func(ctx op.Context) (string, error) {
				return "", errors.Join(execAll(ctx, reserve("a", u)), execAll(ctx, op.Wait("w", time.Hour)))
			}).Undo(func(context.Context, string) error { u("undo g"); return nil })
			return []op.Op[string]{op.Timeout("t", late, time.Minute)}
		}, []string{"undo a!"}, "t/g/a-undo"},
		{"a wrapped operand of a batch that succeeded is the batch's affair", func(u undone) []op.Op[string] {
			o := op.All("all", op.Timeout("t", reserve("a", u), time.Hour))
			return []op.Op[string]{op.Transform(o, func(v []string) (string, error) { return strings.Join(v, ""), nil })}
		}, nil, ""},
		{"a wrapped operand of a batch that failed", func(u undone) []op.Op[string] {
			bad := op.Group("bad", func(ctx op.Context) (string, error) {
				return "", errors.Join(execAll(ctx, op.Wait("w", time.Minute)), errDenied)
			})
			o := op.All("all", op.Timeout("t", reserve("a", u), time.Hour), op.Retry("r", reserve("b", u), retry.Default()), bad)
			return []op.Op[string]{op.Transform(o, func(v []string) (string, error) { return strings.Join(v, ""), nil })}
		}, []string{"undo b!", "undo a!"}, "all/r/r-undo"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var got []string
			ops := tt.ops(func(text string) { got = append(got, text) })
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				_ = execAll(ctx, ops...)
				if err := replay.Exec(ctx, op.Wait("pause", time.Minute)); err != nil {
					return op.None{}, err
				}
				return op.None{}, errDenied
			}), "null")
			if s := end(e); s != "FAILED Error: denied" && s != "FAILED Denied: denied" {
				t.Errorf("ended as %s", s)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("undone (-want +got):\n%s\n%s", diff, strings.Join(history(e), "\n"))
			}
			if name := tt.path[strings.LastIndexByte(tt.path, '/')+1:]; name != "" {
				recordOf(t, e, name)
			}
		})
	}
}

// TestUndoThatCannotBeKeptIsRefused: when it is declared, not when it is too late.
func TestUndoThatCannotBeKeptIsRefused(t *testing.T) {
	t.Parallel()
	o := op.Step("a", func(context.Context) (string, error) { return "", nil }).Undo(func(context.Context, string) error { return nil })
	long := strings.Repeat("n", 252)
	typed := codec.Of(func(s string) ([]byte, error) { return json.Marshal(s) }, func(b []byte) (v string, err error) { return v, json.Unmarshal(b, &v) })
	tests := []struct {
		reason string
		o      op.Operation
		want   string
	}{
		{"a name without room for that of the compensation", op.Timeout(long, o, time.Hour), "252 bytes"},
		{"the same of attempts", op.Retry(long, o, retry.Default()), "252 bytes"},
		{"a codec that would not keep the result", op.Timeout("t", o, time.Hour).WithCodec(typed), "Op.WithCodec"},
		{"a codec inside", op.Timeout("t", o.WithCodec(typed), time.Hour), ""},
		{"a codec behind an Undo of its own", op.Timeout("t", o, time.Hour).Undo(func(context.Context, string) error { return nil }).WithCodec(typed), ""},
		{"a long name without an Undo", op.Timeout(long, op.Wait("w", time.Hour), time.Hour), ""},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			err := op.Validate(tt.o)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("the error is %v, want %q", err, tt.want)
			}
		})
	}
}

// TestUndoOfALargeResultAfterAResume: the branch has ended in an earlier invocation, and its
// sibling fails before it was computed again.
func TestUndoOfALargeResultAfterAResume(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]func(undo func(context.Context, string) error) op.Op[string]{
		"a group": func(undo func(context.Context, string) error) op.Op[string] {
			return op.Group("trip", func(ctx op.Context) (string, error) { return replay.Run(ctx, textStep("s", huge)) }).Undo(undo)
		},
		"a map": func(undo func(context.Context, string) error) op.Op[string] {
			each := op.StepFunc("each", func(context.Context, int) (string, error) { return huge, nil })
			return op.Transform(op.Map("trip", []int{1}, each), func(b op.Batch[string]) (string, error) { return b.Values()[0], nil }).Undo(undo)
		},
		"a time-out": func(undo func(context.Context, string) error) op.Op[string] {
			return op.Timeout("trip", op.Group("g", func(ctx op.Context) (string, error) { return replay.Run(ctx, textStep("s", huge)) }).Undo(undo), time.Hour)
		},
		"a group that cannot be computed again": func(undo func(context.Context, string) error) op.Op[string] {
			runs := 0
			return op.Group("trip", func(ctx op.Context) (string, error) {
				if runs++; runs > 1 {
					panic("not again")
				}
				return replay.Run(ctx, textStep("s", huge))
			}).Undo(undo)
		},
	} {
		for _, flat := range []bool{false, true} {
			if flat && strings.Contains(name, "cannot") {
				continue // the log does not say that it has succeeded
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for range draws.Count(20) {
					var sizes []int
					trip := o(func(_ context.Context, v string) error { sizes = append(sizes, len(v)); return nil })
					bad := op.Group("bad", func(ctx op.Context) (string, error) {
						return "", errors.Join(execAll(ctx, op.Wait("w", time.Minute)), errDenied)
					})
					var opts []op.BatchOption
					if flat {
						opts = append(opts, op.WithFlat())
					}
					e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
						return op.None{}, replay.Exec(ctx, op.Parallel("p", []op.Op[string]{trip, bad}, opts...))
					}), "null")
					known := len(sizes) == 1 && sizes[0] == len(huge)
					text, _ := json.Marshal(e.Failure())
					reported := len(sizes) == 0 && (strings.Contains(string(text), "not known to be undone") || strings.Contains(string(text), "not again"))
					if !known && (!reported || !strings.Contains(name, "cannot")) {
						t.Fatalf("undone with %v bytes, ended as %.300s", sizes, end(e))
					}
				}
			})
		}
	}
}
