package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// itemPayloads lists the payloads of the records of a kind by name.
func itemPayloads(e *local.Execution, subType string) []string {
	var all []string
	for _, rec := range e.Operations() {
		if rec.SubType == subType {
			all = append(all, rec.Name+": "+rec.Payload.String())
		}
	}
	return all
}

// wrappedCodec is a codec whose payloads are not JSON.
func wrappedCodec() codec.Typed[string] {
	return codec.Of(
		func(s string) ([]byte, error) { return []byte("wrapped:" + s), nil },
		func(b []byte) (string, error) {
			s, ok := strings.CutPrefix(string(b), "wrapped:")
			if !ok {
				return "", fmt.Errorf("not wrapped: %s", b)
			}
			return s, nil
		})
}

// listCodec is a codec of a whole batch that keeps the values alone.
func listCodec() codec.Typed[op.Batch[string]] {
	return codec.Of(
		func(b op.Batch[string]) ([]byte, error) {
			return []byte("OPSERDE:" + strings.Join(b.Values(), ",")), nil
		},
		func(p []byte) (op.Batch[string], error) {
			b := op.Batch[string]{Reason: op.ReasonAllCompleted}
			list, ok := strings.CutPrefix(string(p), "OPSERDE:")
			if !ok {
				return b, fmt.Errorf("not listed: %s", p)
			}
			for i, v := range strings.Split(list, ",") {
				b.Items = append(b.Items, op.Item[string]{Index: i, Status: op.StatusSucceeded, Value: v})
			}
			return b, nil
		})
}

func TestCodecsOfItemsAndBatchesAreIndependent(t *testing.T) {
	t.Parallel()
	upper := op.StepFunc("upper", func(_ context.Context, s string) (string, error) { return strings.ToUpper(s), nil })
	failing := op.StepFunc("upper", func(_ context.Context, s string) (string, error) {
		if s == "y" {
			return "", errDeclined
		}
		return strings.ToUpper(s), nil
	}, op.WithRetry(retry.Never()))
	items := []string{"x", "y"}
	tests := []struct {
		reason  string
		o       op.Op[op.Batch[string]]
		want    string
		records []string // of the items
		whole   string   // the payload of the batch, unless empty
	}{
		{
			reason: "items in their own codec", o: op.Map("m", items, upper.WithCodec(wrappedCodec())),
			want: "[X Y] <nil>", records: []string{"item-0: wrapped:X", "item-1: wrapped:Y"},
		},
		{
			reason: "items of a flat batch in their own codec", o: op.Map("m", items, upper.WithCodec(wrappedCodec()), op.WithFlat()),
			want: "[X Y] <nil>",
		},
		{
			reason: "the whole result in a codec of its own, verbatim", o: op.Map("m", items, upper).WithCodec(listCodec()),
			want: "[X Y] <nil>", records: []string{`item-0: "X"`, `item-1: "Y"`}, whole: "OPSERDE:X,Y",
		},
		{
			reason: "both", o: op.Map("m", items, upper.WithCodec(wrappedCodec())).WithCodec(listCodec()),
			want: "[X Y] <nil>", records: []string{"item-0: wrapped:X", "item-1: wrapped:Y"}, whole: "OPSERDE:X,Y",
		},
		{
			reason: "the whole result of a flat batch", o: op.Map("m", items, upper, op.WithFlat()).WithCodec(listCodec()),
			want: "[X Y] <nil>", whole: "OPSERDE:X,Y",
		},
		{
			reason:  "a batch that failed has no result to encode, and its error is not lost",
			o:       op.Map("m", items, failing, op.WithMaxConcurrency(1)).WithCodec(listCodec()),
			want:    `[X] "m": 1 of 2 operations failed, the first with: card declined`,
			records: []string{`item-0: "X"`, `item-1: `},
		},
		{
			reason:  "a codec for any type",
			o:       op.Map("m", items, upper, op.WithCodec(codec.JSON())),
			want:    "[X Y] <nil>",
			records: []string{`item-0: "X"`, `item-1: "Y"`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, e := onceMore(t, func(ctx op.Context) string {
				b, err := replay.Run(ctx, tt.o)
				return fmt.Sprint(b.Values(), " ", err)
			})
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if diff := cmp.Diff(tt.records, itemPayloads(e, "MapIteration")); diff != "" {
				t.Errorf("payloads of the items (-want +got):\n%s", diff)
			}
			if rec, _ := e.Operation(oplog.ID("", "m", "", 0)); tt.whole != "" && rec.Payload.String() != tt.whole {
				t.Errorf("the payload of the batch is %s, want %s", rec.Payload, tt.whole)
			}
		})
	}
}

func TestBatchThatItsCodecCannotConvertFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	encode := func(op.Batch[string]) ([]byte, error) { return []byte("text"), nil }
	decode := func([]byte) (op.Batch[string], error) { return op.Batch[string]{}, nil }
	tests := []struct {
		reason string
		c      codec.Typed[op.Batch[string]]
	}{
		{"it cannot encode", codec.Of(func(op.Batch[string]) ([]byte, error) { return nil, broken }, decode)},
		{"it cannot decode what it has encoded", codec.Of(encode, func([]byte) (op.Batch[string], error) { return op.Batch[string]{}, broken })},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, _ := onceMore(t, func(ctx op.Context) string {
				_, err := replay.Run(ctx, op.Map("m", []int{1}, func(int) op.Op[string] { return plainStep("one", "1") }).WithCodec(tt.c))
				_, isCodec := errors.AsType[*codec.Error](err)
				return fmt.Sprint(err != nil, isCodec)
			})
			if got != "true true" {
				t.Errorf("error, codec error: %s", got)
			}
		})
	}
}

// sealedCodec is a codec that binds payloads to their operation, as one that encrypts does.
type sealedCodec struct{}

func (sealedCodec) Encode(ctx context.Context, m codec.Meta, v any) ([]byte, error) {
	b, err := codec.JSON().Encode(ctx, m, v)
	return []byte(m.OperationID + " " + m.OperationName + " " + string(b)), err
}

func (sealedCodec) Decode(ctx context.Context, m codec.Meta, p []byte, v any) error {
	text, ok := strings.CutPrefix(string(p), m.OperationID+" "+m.OperationName+" ")
	if !ok {
		return fmt.Errorf("the payload of another operation: %s is not that of %s %s", p, m.OperationID, m.OperationName)
	}
	return codec.JSON().Decode(ctx, m, []byte(text), v)
}

func TestPayloadsOfBranchesAreDecodedAsThoseOfTheirOperation(t *testing.T) {
	t.Parallel()
	step := func(i int) op.Op[string] { return plainStep("pack", strconv.Itoa(i)) }
	group := func(i int) op.Op[string] {
		return op.Group("pack", func(ctx op.Context) (string, error) { return replay.Run(ctx, step(i)) })
	}
	items := []int{1, 2}
	text := func(o op.Op[op.Batch[string]]) op.Op[string] {
		return op.Transform(o, func(b op.Batch[string]) (string, error) { return fmt.Sprint(b.Values(), b.Err()), nil })
	}
	tests := []struct {
		reason string
		o      func(ctx op.Context) op.Op[string]
		want   string
	}{
		{"steps", func(op.Context) op.Op[string] { return text(op.Map("m", items, step)) }, "[1 2] <nil>"},
		{"steps of a flat batch", func(op.Context) op.Op[string] { return text(op.Map("m", items, step, op.WithFlat())) }, "[1 2] <nil>"},
		{"groups", func(op.Context) op.Op[string] { return text(op.Map("m", items, group)) }, "[1 2] <nil>"},
		{"groups of a flat batch", func(op.Context) op.Op[string] { return text(op.Map("m", items, group, op.WithFlat())) }, "[1 2] <nil>"},
		{"keyed steps", func(op.Context) op.Op[string] {
			return text(op.Map("m", items, op.Builder[int, string](step).Key(func(i int) string { return fmt.Sprint("k", i) })))
		}, "[1 2] <nil>"},
		{"the winner of a race", func(op.Context) op.Op[string] { return op.Race("r", slow("pause"), step(1)) }, "1"},
		{"a batch in a race", func(op.Context) op.Op[string] { return op.Race("r", slow("pause"), text(op.Map("m", items, step))) }, "[1 2] <nil>"},
		{"a future", func(ctx op.Context) op.Op[string] {
			return op.Race("r", replay.Go(ctx, step(1)).Result(), slow("pause"))
		}, "1"},
		{"a future that is a group", func(ctx op.Context) op.Op[string] {
			return op.Race("r", replay.Go(ctx, group(1)).Result(), slow("pause"))
		}, "1"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, _ := onceMore(t, func(ctx op.Context) string {
				v, err := replay.Run(ctx, tt.o(ctx))
				return fmt.Sprint(v, " ", err)
			}, replay.WithCodec(sealedCodec{}))
			if want := tt.want + " <nil>"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestLargeItemsInTheirOwnCodec(t *testing.T) {
	t.Parallel()
	for _, flat := range []bool{false, true} {
		t.Run(fmt.Sprint("flat ", flat), func(t *testing.T) {
			t.Parallel()
			opts := []op.MapOption{op.WithMaxConcurrency(2)}
			if flat {
				opts = append(opts, op.WithFlat())
			}
			got, e := onceMore(t, func(ctx op.Context) string {
				b, err := replay.Run(ctx, op.Map("m", []string{"a", "b"}, op.StepFunc("pack", func(_ context.Context, s string) (string, error) {
					return strings.Repeat(s, 200<<10), nil
				}).WithCodec(wrappedCodec()), opts...))
				return fmt.Sprintf("%.1q %d %v", b.Values(), len(b.Values()[1]), err)
			})
			if want := `["a" "b"] 204800 <nil>`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if rec, _ := e.Operation(oplog.ID("", "m", "", 0)); !rec.ReplayChildren || rec.Payload.Size() > 1000 || rec.End.Sub(rec.Start) > time.Minute {
				t.Errorf("the batch keeps its results itself: %d bytes", rec.Payload.Size())
			}
		})
	}
}
