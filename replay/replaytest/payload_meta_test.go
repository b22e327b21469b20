package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// places is a codec that notes the places of payloads.
type places struct {
	codec.Codec

	mu   sync.Mutex
	seen map[string]bool
}

func (p *places) note(verb string, m codec.Meta) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, _, _ := strings.Cut(m.OperationID, "-")
	text := fmt.Sprintf("%s %s of %s", verb, m.Part, id)
	if m.OperationName != id {
		text += " named " + m.OperationName
	}
	if m.Function != "" {
		text += " with " + m.Function
	}
	if !strings.Contains(m.ExecutionARN, ":function:") {
		text += " without an execution"
	}
	p.seen[text] = true
}

func (p *places) Encode(ctx context.Context, m codec.Meta, v any) ([]byte, error) {
	p.note("encode", m)
	return p.Codec.Encode(ctx, m, v)
}

func (p *places) Decode(ctx context.Context, m codec.Meta, b []byte, v any) error {
	p.note("decode", m)
	return p.Codec.Decode(ctx, m, b, v)
}

// Codecs are given the place of every payload: the ID under which it stands, its part, and the
// function that an invoke calls. What is passed on as it stands has the place that passes it on.
func TestCodecsAreGivenThePlace(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		run    func(ctx op.Context, n int) (string, error)
		want   []string // beside the input and the end of the handler
	}{
		{
			"a step", func(ctx op.Context, n int) (string, error) { return text(replay.Run(ctx, add(n))) },
			[]string{"decode result of add", "encode result of add"},
		},
		{"states", func(ctx op.Context, _ int) (string, error) {
			return text(replay.Run(ctx, op.WaitForCondition("poll", 1, func(_ context.Context, n int) (int, bool, error) {
				return n + 1, n == 2, nil
			})))
		}, []string{"decode result of poll", "decode state of poll", "encode result of poll", "encode state of poll"}},
		{"an error", func(ctx op.Context, _ int) (string, error) {
			_, err := replay.Run(ctx, op.Step("pay", func(context.Context) (int, error) { return 0, errBusy }, op.WithRetry(retry.Never())))
			return fmt.Sprint(err), nil
		}, []string{"decode failure of pay", "encode failure of pay"}},
		{"an attempt, under the ID of its retry", func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Retry("again", add(n), retry.Never())))
		}, []string{"decode result of again", "decode result of again named add", "encode result of again named add"}},
		{"an item", func(ctx op.Context, n int) (string, error) {
			b, err := replay.Run(ctx, op.Map("all", []int{n}, add))
			return text(b.Values(), err)
		}, []string{"decode result of add", "encode result of add"}},
		{"an invoke", func(ctx op.Context, n int) (string, error) {
			return text(replay.Run(ctx, op.Invoke[int]("twice", "double", n)))
		}, []string{"decode result of twice with double", "encode input of twice with double"}},
		{"an invoke of a branch", func(ctx op.Context, n int) (string, error) {
			v, err := replay.Run(ctx, op.Join2("both", op.Invoke[int]("twice", "double", n), op.Invoke[int]("thrice", "double", n)))
			return text(v, err)
		}, []string{
			"decode result of thrice with double", "decode result of twice with double",
			"encode input of thrice with double", "encode input of twice with double",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			p := &places{Codec: codec.JSON(), seen: map[string]bool{}}
			f := replay.Handler(tt.run, replay.WithCodec(p), replay.WithHandlerCodec(p), replay.WithErrorCodec(p))
			var opts []replaytest.Option
			if strings.Contains(tt.reason, "invoke") {
				opts = append(opts, replaytest.Host("double", double()))
			}
			if r := replaytest.Run(t, f, 1, opts...); r.Err != nil {
				t.Fatal(r.Err)
			}
			want := append([]string{"decode input of ", "decode result of ", "encode result of "}, tt.want...)
			slices.Sort(want)
			var got []string
			for place := range p.seen {
				if !strings.HasSuffix(place, "of all") && !strings.HasSuffix(place, "of both") {
					got = append(got, place)
				}
			}
			slices.Sort(got)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// Input from outside is plain, and that of an invoke may be sealed for the function; a result is
// sealed for those who have the key.
func TestHandlerCodec(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	open, strict := codec.Chain(codec.JSON(), seal.New(seal.Static(k))), codec.Chain(codec.JSON(), codec.Required(seal.New(seal.Static(k))))
	const caller = "arn:aws:lambda:eu-west-1:123456789012:function:caller:1/durable-execution/c/1"
	sealedFor := func(function string) string {
		m := codec.Meta{ExecutionARN: caller, OperationID: "x", OperationName: "x", Part: codec.PartInput, Function: function}
		p, err := codec.Encode(t.Context(), open, m, 41)
		if err != nil {
			t.Fatal(err)
		}
		return string(p)
	}
	tests := []struct {
		reason string
		codec  codec.Codec
		input  string
		err    string
	}{
		{"plain input is read", open, `41`, ""},
		{"sealed input is read", open, sealedFor("add"), ""},
		{"input for another function is refused", open, sealedFor("other"), "sealed for another place"},
		{"what is required is not replaced by plain input", strict, `41`, "did not go through"},
		{"and is read if it is sealed", strict, sealedFor("add"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			f := replay.Handler(func(ctx op.Context, n int) (int, error) { return replay.Run(ctx, add(n)) }, replay.WithHandlerCodec(tt.codec))
			svc := local.New(local.WithClock(local.NewVirtualClock(time.Unix(1e9, 0))))
			defer svc.Close()
			if err := svc.Host("add", f); err != nil {
				t.Fatal(err)
			}
			e, err := svc.Start(t.Context(), "add", "one", []byte(tt.input))
			if err == nil {
				err = e.Drive(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.err != "" {
				if fail := e.Failure(); fail == nil || !strings.Contains(fail.Message, tt.err) {
					t.Errorf("it failed with %v, want %q", fail, tt.err)
				}
				return
			}
			if names, err := codec.TransformsOf(e.Result()); err != nil || !slices.Equal(names, []string{"seal"}) {
				t.Errorf("the result %s went through %v, %v", e.Result(), names, err)
			}
			var got int
			m := codec.Meta{ExecutionARN: e.ARN(), Part: codec.PartResult}
			if err := codec.Decode(t.Context(), f.Codec(), m, e.Result(), &got); err != nil || got != 42 {
				t.Errorf("the result is %d, %v, want 42", got, err)
			}
		})
	}
}

// A codec that cannot convert anything is reported by the first invocation.
func TestOptionsAskCodecs(t *testing.T) {
	t.Parallel()
	bad := codec.Chain(nil)
	for name, o := range map[string]replay.HandlerOption{
		"WithCodec": replay.WithCodec(bad), "WithHandlerCodec": replay.WithHandlerCodec(bad), "WithErrorCodec": replay.WithErrorCodec(bad),
	} {
		f := replay.Handler(func(op.Context, int) (int, error) { return 0, errors.New("it ran") }, o)
		if _, err := f.Invoke(t.Context(), []byte(`{}`)); err == nil || !strings.Contains(err.Error(), name+": codec.Chain: the base is nil") {
			t.Errorf("%s: the invocation returns %v", name, err)
		}
	}
}
