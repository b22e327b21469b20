package replay_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// outside is what an outside system does with a callback.
type outside func(h *home, id string) error

func send(text string) outside {
	return func(h *home, id string) error { return h.CompleteCallback(id, []byte(text)) }
}

func sendNothing(h *home, id string) error { return h.CompleteCallback(id, nil) }

func refuse(kind, message, data string) outside {
	return func(h *home, id string) error {
		return h.FailCallback(id, checkpoint.Failure{Type: kind, Message: message, Data: data})
	}
}

func elapse(d time.Duration) outside {
	return func(h *home, _ string) error { h.Advance(d); return nil }
}

func outsideDo(all ...outside) outside {
	return func(h *home, id string) error {
		for _, do := range all {
			if err := do(h, id); err != nil {
				return err
			}
		}
		return nil
	}
}

func beat(h *home, id string) error { return h.Heartbeat(id) }

// callbackCase is a callback of some type and what becomes of it.
type callbackCase struct {
	reason string
	create func(n *notes) local.Handler
	do     outside
	want   string
}

func created[T any](opts ...op.CallbackOption) func(n *notes) local.Handler {
	return func(n *notes) local.Handler {
		return twice(n, func(ctx op.Context) (T, error) {
			cb, err := replay.Run(ctx, op.CreateCallback[T]("approval", opts...))
			if err != nil {
				return *new(T), err
			}
			return replay.Run(ctx, cb.Result())
		})
	}
}

// submitted is the same through WaitForCallback.
func submitted[T any](opts ...op.CallbackOption) func(n *notes) local.Handler {
	return func(n *notes) local.Handler {
		all := make([]op.WaitForCallbackOption, len(opts))
		for i, o := range opts {
			all[i] = o
		}
		return twice(n, func(ctx op.Context) (T, error) {
			return replay.Run(ctx, op.WaitForCallback[T]("approval", func(context.Context, string) error { return nil }, all...))
		})
	}
}

func TestOutcomeOfACallback(t *testing.T) {
	t.Parallel()
	const spaced = `{"by":  "ann"}` + "\n"
	tests := []callbackCase{
		{"text for a string is taken byte for byte, quotes included", created[string](), send(`"yes"  `), "\"\\\"yes\\\"  \""},
		{"and so it is through a group", submitted[string](), send(`"yes"  `), "\"\\\"yes\\\"  \""},
		{"text that is not JSON", created[string](), send("yes\n"), `"yes\n"`},
		{"bytes are taken as they stand", created[[]byte](), send(spaced), "\"{\\\"by\\\":  \\\"ann\\\"}\\n\""},
		{"bytes through a group", submitted[[]byte](), send(spaced), "\"{\\\"by\\\":  \\\"ann\\\"}\\n\""},
		{"another type is decoded", created[answer](), send(spaced), `replay_test.answer{By:"ann"}`},
		{"another type through a group", submitted[answer](), send(spaced), `replay_test.answer{By:"ann"}`},
		{"an empty text", created[string](), send(""), `""`},
		{"no text is the zero value", created[answer](), sendNothing, `replay_test.answer{By:""}`},
		{"no text through a group", submitted[answer](), sendNothing, `replay_test.answer{By:""}`},
		{"no text for a string", submitted[string](), sendNothing, `""`},
		{"no text for bytes", created[[]byte](), sendNothing, `""`},
		{
			"a text that does not fit can be handled", created[answer](), send("yes"),
			"codec: decode result of \"approval\": invalid character 'y' looking for beginning of value | codec error",
		},
		{
			"a text that does not fit through a group", submitted[answer](), send("yes"),
			"codec: decode result of \"approval\": invalid character 'y' looking for beginning of value | codec error",
		},
		{"JSON for a string, if its codec says so", created[string](op.WithCodec(codec.JSON())), send(`"yes"`), `"yes"`},
		{"JSON for a string through a group", submitted[string](op.WithCodec(codec.JSON())), send(`"yes"`), `"yes"`},
		{
			"a failure keeps message, type and data", created[answer](), refuse("NotNow", "not approved", "reason 7"),
			"not approved | CALLBACK | NotNow | approval | data reason 7",
		},
		{
			"a failure through a group", submitted[answer](), refuse("NotNow", "not approved", "reason 7"),
			"not approved | CONTEXT | NotNow | approval | data reason 7",
		},
		{
			"a failure of a registered type is restored", created[answer](), refuse("Denied", "no", ""),
			"no | CALLBACK | Denied | approval | is denied",
		},
		{
			"a failure of a registered type is restored through a group", submitted[answer](), refuse("Denied", "no", ""),
			"no | CONTEXT | Denied | approval | is denied",
		},
		{
			"a failure that says nothing", created[answer](), refuse("", "", ""),
			"FAILED | CALLBACK | FAILED | approval",
		},
		{
			"nothing in time", created[answer](op.WithTimeout(90 * time.Second)), elapse(90 * time.Second),
			"Callback timed out | CALLBACK | Callback.Timeout | approval | is timed out",
		},
		{
			"nothing in time through a group", submitted[answer](op.WithTimeout(90 * time.Second)), elapse(90 * time.Second),
			"Callback timed out | CONTEXT | Callback.Timeout | approval | is timed out",
		},
		{
			"no heartbeat in time", created[answer](op.WithHeartbeatTimeout(time.Minute), op.WithTimeout(time.Hour)), elapse(time.Minute),
			"Callback timed out on heartbeat | CALLBACK | Callback.Heartbeat | approval | is heartbeat missed: timed out | is timed out",
		},
		{
			"no heartbeat in time through a group", submitted[answer](op.WithHeartbeatTimeout(time.Minute)), elapse(time.Minute),
			"Callback timed out on heartbeat | CONTEXT | Callback.Heartbeat | approval | is heartbeat missed: timed out | is timed out",
		},
		{
			"heartbeats keep it open", created[answer](op.WithHeartbeatTimeout(time.Minute)),
			outsideDo(elapse(59*time.Second), beat, elapse(59*time.Second), beat, elapse(59*time.Second), send(spaced)),
			`replay_test.answer{By:"ann"}`,
		},
		{
			"heartbeats do not move the timeout", created[answer](op.WithHeartbeatTimeout(time.Minute), op.WithTimeout(100*time.Second)),
			outsideDo(elapse(59*time.Second), beat, elapse(41*time.Second)),
			"Callback timed out | CALLBACK | Callback.Timeout | approval | is timed out",
		},
		{
			"a result at the last moment", created[answer](op.WithTimeout(time.Minute)),
			outsideDo(elapse(time.Minute-time.Millisecond), send(spaced)), `replay_test.answer{By:"ann"}`,
		},
		{
			"a timeout is rounded up to whole seconds", created[answer](op.WithTimeout(1500 * time.Millisecond)),
			outsideDo(elapse(1999*time.Millisecond), send(spaced)), `replay_test.answer{By:"ann"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var n notes
			h := newHome(t)
			e := h.begin(t, tt.create(&n), "null")
			h.run(t, e)
			if len(n.seen) != 0 {
				t.Fatalf("the code went past the callback: %q", n.seen)
			}
			must(t, tt.do(h, callbackOf(t, e)))
			h.finish(t, e)
			if got := end(e); got != "SUCCEEDED {}" {
				t.Errorf("the execution ended as %s", got)
			}
			if diff := cmp.Diff(tt.want, n.same(t, 3)); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

// callbackOf returns the ID of the only callback of an execution.
func callbackOf(tb testing.TB, e *local.Execution) string {
	tb.Helper()
	for _, o := range e.Operations() {
		if o.Kind == checkpoint.KindCallback {
			return o.CallbackID
		}
	}
	tb.Fatal("no callback")
	return ""
}

func TestCallbackPayloadStaysByteForByte(t *testing.T) {
	t.Parallel()
	for _, create := range []func(*notes) local.Handler{created[answer](), submitted[answer]()} {
		const text = "{\"by\":   \"ann \u00fc \U0001f600 \\u2028\"}\r\n"
		var n notes
		h := newHome(t)
		e := h.begin(t, create(&n), "null")
		h.run(t, e)
		must(t, h.CompleteCallback(callbackOf(t, e), []byte(text)))
		h.finish(t, e)
		for _, o := range e.Operations() {
			if o.Kind != checkpoint.KindCallback && o.SubType != "WaitForCallback" {
				continue
			}
			if diff := cmp.Diff(text, o.Payload.String()); diff != "" {
				t.Errorf("payload of %s (-want +got):\n%s", o.Name, diff)
			}
		}
	}
}

func TestFailureFromOutsideIsNotPrefixed(t *testing.T) {
	t.Parallel()
	deny := func(context.Context, string) error { return nil }
	tests := []struct {
		reason  string
		handler func(ctx op.Context, _ op.None) (answer, error)
	}{
		{"awaited by the handler", func(ctx op.Context, _ op.None) (answer, error) {
			cb, err := replay.Run(ctx, op.CreateCallback[answer]("approval"))
			if err != nil {
				return answer{}, err
			}
			return replay.Run(ctx, cb.Result())
		}},
		{"through a group", func(ctx op.Context, _ op.None) (answer, error) {
			return replay.Run(ctx, op.WaitForCallback[answer]("approval", deny))
		}},
		{"three groups deep", func(ctx op.Context, _ op.None) (answer, error) {
			return replay.Run(ctx, deep(3, func(ctx op.Context) (answer, error) {
				return replay.Run(ctx, op.WaitForCallback[answer]("approval", deny))
			}))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			e := h.begin(t, replay.Handler(tt.handler), "null")
			h.run(t, e)
			must(t, h.FailCallback(callbackOf(t, e), checkpoint.Failure{Type: "Refused", Message: "not approved"}))
			h.finish(t, e)
			if got := end(e); got != "FAILED Refused: not approved" {
				t.Errorf("the execution ended as %s", got)
			}
		})
	}
}

// deep nests fn in n groups.
func deep[T any](n int, fn func(op.Context) (T, error)) op.Op[T] {
	if n == 0 {
		panic("at least one group")
	}
	return op.Group("level", func(ctx op.Context) (T, error) {
		if n == 1 {
			return fn(ctx)
		}
		return replay.Run(ctx, deep(n-1, fn))
	})
}

func TestCallbackNotAwaitedKeepsNothingAlive(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		cb, err := replay.Run(ctx, op.CreateCallback[answer]("approval"))
		if err != nil || cb.ID == "" {
			return "", errors.Join(err, errors.New("no callback"))
		}
		return "done", nil
	}), "null")
	if got := end(e); got != `SUCCEEDED "done"` || e.Invocations() != 1 {
		t.Errorf("ended as %s after %d invocations", got, e.Invocations())
	}
}

func TestCallbacksAreAwaitedInAnyOrder(t *testing.T) {
	t.Parallel()
	handler := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		var cbs []op.Callback[string]
		for _, name := range []string{"first", "second", "third"} {
			cb, err := replay.Run(ctx, op.CreateCallback[string](name))
			if err != nil {
				return "", err
			}
			cbs = append(cbs, cb)
		}
		var text strings.Builder
		for _, i := range []int{1, 0, 2, 1} { // the last one a second time
			got, err := replay.Run(ctx, cbs[i].Result())
			if err != nil {
				return "", err
			}
			text.WriteString(got)
		}
		return text.String(), nil
	})
	for _, order := range [][]string{
		{"first", "second", "third"}, {"third", "second", "first"}, {"second", "first", "third"}, {"third", "first", "second"},
	} {
		h := newHome(t)
		e := h.begin(t, handler, "null")
		h.run(t, e)
		for _, name := range order {
			calls := len(e.CheckpointCalls())
			must(t, h.CompleteCallback(recordOf(t, e, name).CallbackID, []byte(name[:1])))
			h.run(t, e)
			if n := len(e.CheckpointCalls()); n != calls {
				t.Errorf("%v: an invocation that only sees %s makes %d checkpoint calls", order, name, n-calls)
			}
		}
		if got := end(e); got != `SUCCEEDED "sfts"` {
			t.Errorf("%v: ended as %s", order, got)
		}
	}
}

func TestCallbackAnsweredBeforeItIsAwaited(t *testing.T) {
	t.Parallel()
	var n notes
	h := newHome(t)
	e := h.begin(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		cb, err := replay.Run(ctx, op.CreateCallback[string]("approval"))
		if err != nil {
			return "", err // creating never fails for what becomes of the callback
		}
		n.add(cb.ID)
		if err := replay.Exec(ctx, op.Wait("pause", time.Minute)); err != nil {
			return "", err
		}
		return replay.Run(ctx, cb.Result())
	}), "null")
	h.run(t, e)
	must(t, h.FailCallback(callbackOf(t, e), checkpoint.Failure{Message: "too late"}))
	h.finish(t, e)
	if got := end(e); got != "FAILED FAILED: too late" {
		t.Errorf("ended as %s", got)
	}
	if id := n.same(t, 3); id != callbackOf(t, e) {
		t.Errorf("the ID was %s, want %s", id, callbackOf(t, e))
	}
}
