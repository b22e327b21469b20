package replaytest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// shout is a codec that takes and gives text in capitals alone: what went through another one is
// refused.
type shout struct{}

// Encode implements [codec.Codec].
func (shout) Encode(_ context.Context, _ codec.Meta, v any) ([]byte, error) {
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("%T is no text", v)
	}
	return []byte(strings.ToUpper(s)), nil
}

// Decode implements [codec.Codec].
func (shout) Decode(_ context.Context, _ codec.Meta, payload []byte, v any) error {
	s, ok := v.(*string)
	if text := string(payload); !ok || text != strings.ToUpper(text) || strings.ContainsAny(text, `"{`) {
		return fmt.Errorf("%q was not shouted for a %T", payload, v)
	}
	*s = strings.ToLower(string(payload))
	return nil
}

// bound is a codec that binds a payload to its place, as one does that seals it.
type bound struct{}

// Encode implements [codec.Codec].
func (bound) Encode(_ context.Context, m codec.Meta, v any) ([]byte, error) {
	return fmt.Appendf(nil, "%s|%s|%s|%v", m.ExecutionARN, m.OperationID, m.OperationName, v), nil
}

// Decode implements [codec.Codec].
func (bound) Decode(_ context.Context, m codec.Meta, payload []byte, v any) error {
	place := fmt.Sprintf("%s|%s|%s|", m.ExecutionARN, m.OperationID, m.OperationName)
	rest, ok := strings.CutPrefix(string(payload), place)
	if s, text := v.(*string); ok && text {
		*s = rest
		return nil
	}
	return fmt.Errorf("%q is of another place than %q", payload, place)
}

// TestRepliesAreEncodedAsDeclared gives the same answer to callbacks of several codecs and at
// several places, at once and, by Explore, earlier and later: it must always be read as it was
// meant.
func TestRepliesAreEncodedAsDeclared(t *testing.T) {
	t.Parallel()
	ask := func(context.Context, string) error { return nil }
	within := op.WithTimeout(24 * time.Hour)
	words := op.WaitForCallback[string]("words", ask, within)
	signed := op.WaitForCallback[approval]("signed", ask, within, op.WithCodec(codec.JSON()))
	sealed := op.WaitForCallback[string]("sealed", ask, within, op.WithCodec(bound{}))
	shouted := op.WaitForCallback[string]("shouted", ask, within, op.WithCodec(shout{}))
	tests := []struct {
		name, reason string
		run          func(ctx op.Context, n int) (string, error)
		path         string
		reply        any
		want         string
	}{
		{
			name: "text", reason: "a string is no JSON on the wire", path: "words", reply: "yes", want: "yes",
			run: func(ctx op.Context, _ int) (string, error) { return replay.Run(ctx, words) },
		},
		{
			name: "a struct", reason: "its codec is declared", path: "signed", reply: approval{By: "Ann"}, want: "{Ann}",
			run: func(ctx op.Context, _ int) (string, error) { return text(replay.Run(ctx, signed)) },
		},
		{
			name: "texts of a map", reason: "the branch is what waits", path: "all[*]/words", reply: "yes", want: "[yes yes]",
			run: func(ctx op.Context, _ int) (string, error) {
				b, err := replay.Run(ctx, op.Map("all", []int{1, 2}, func(int) op.Op[string] { return words }))
				return text(b.Values(), err)
			},
		},
		{
			name: "structs of a map", reason: "the codec of the callback inside takes text alone", path: "all[*]/signed",
			reply: approval{By: "Ann"}, want: "[{Ann} {Ann}]",
			run: func(ctx op.Context, _ int) (string, error) {
				b, err := replay.Run(ctx, op.Map("all", []int{1, 2}, func(int) op.Op[approval] { return signed }))
				return text(b.Values(), err)
			},
		},
		{
			name: "structs of a map with keys", reason: "the place is no index", path: "all[*]/signed",
			reply: approval{By: "Ann"}, want: "[{Ann} {Ann}]",
			run: func(ctx op.Context, _ int) (string, error) {
				b, err := replay.Run(ctx, op.Map("all", []string{"1", "0/[x]"}, signed.Key))
				return text(b.Values(), err)
			},
		},
		{
			name: "one of a parallel", reason: "branches have names", path: "both[signed]/signed", reply: approval{By: "Ann"}, want: "[{Ann} {}]",
			run: func(ctx op.Context, _ int) (string, error) {
				other := op.Step("other", func(context.Context) (approval, error) { return approval{}, nil })
				b, err := replay.Run(ctx, op.Parallel("both", []op.Op[approval]{signed, other}))
				return text(b.Values(), err)
			},
		},
		{
			name: "in a flat batch", reason: "the branch leaves no record", path: "both[signed]/signed", reply: approval{By: "Ann"}, want: "[{Ann}]",
			run: func(ctx op.Context, _ int) (string, error) {
				return text(replay.Run(ctx, op.All("both", signed)))
			},
		},
		{
			name: "in a group of a map", reason: "the group is the branch, not what waits", path: "all[*]/signed",
			reply: approval{By: "Ann"}, want: "[{Ann}]",
			run: func(ctx op.Context, _ int) (string, error) {
				each := func(int) op.Op[approval] {
					return op.Group("each", func(ctx op.Context) (approval, error) { return replay.Run(ctx, signed) })
				}
				b, err := replay.Run(ctx, op.Map("all", []int{1}, each))
				return text(b.Values(), err)
			},
		},
		{
			name: "a codec of the user's", reason: "what is read is what it writes", path: "shouted", reply: "yes", want: "yes",
			run: func(ctx op.Context, _ int) (string, error) { return replay.Run(ctx, shouted) },
		},
		{
			name: "bound to its place", reason: "a codec may seal the ID of the operation with it", path: "sealed", reply: "yes", want: "yes",
			run: func(ctx op.Context, _ int) (string, error) { return replay.Run(ctx, sealed) },
		},
		{
			name: "bound to a branch", reason: "the branch is what reads it", path: "all[*]/sealed", reply: "yes", want: "[yes yes]",
			run: func(ctx op.Context, _ int) (string, error) {
				b, err := replay.Run(ctx, op.Map("all", []int{1, 2}, func(int) op.Op[string] { return sealed }))
				return text(b.Values(), err)
			},
		},
		{
			name: "bound to a branch without a record", reason: "its ID is derived", path: "all[sealed]/sealed", reply: "yes", want: "[yes]",
			run: func(ctx op.Context, _ int) (string, error) { return text(replay.Run(ctx, op.All("all", sealed))) },
		},
		{
			name: "bound and created by hand", reason: "the callback itself is what reads it", path: "mine", reply: "yes", want: "yes",
			run: func(ctx op.Context, _ int) (string, error) {
				c, err := replay.Run(ctx, op.CreateCallback[string]("mine", within, op.WithCodec(bound{})))
				if err != nil {
					return "", err
				}
				return replay.Run(ctx, c.Result())
			},
		},
		{
			name: "in a map of maps", reason: "branches in branches", path: "outer[*]/inner[*]/shouted", reply: "yes", want: "[[yes yes] [yes yes]]",
			run: func(ctx op.Context, _ int) (string, error) {
				inner := func(int) op.Op[[]string] {
					return op.Transform(op.Map("inner", []int{1, 2}, func(int) op.Op[string] { return shouted }),
						func(b op.Batch[string]) ([]string, error) { return b.Values(), nil })
				}
				b, err := replay.Run(ctx, op.Map("outer", []int{1, 2}, inner))
				return text(b.Values(), err)
			},
		},
		{
			name: "within a time", reason: "the limit is around it", path: "limit[shouted]/shouted", reply: "yes", want: "yes",
			run: func(ctx op.Context, _ int) (string, error) {
				return replay.Run(ctx, op.Timeout("limit", shouted, time.Hour))
			},
		},
		{
			name: "in a race", reason: "the branch leaves no record", path: "first[shouted]/shouted", reply: "yes", want: "yes",
			run: func(ctx op.Context, _ int) (string, error) {
				year := op.Transform(op.Wait("year", 300*24*time.Hour), func(op.None) (string, error) { return "", nil })
				return replay.Run(ctx, op.Race("first", shouted, year))
			},
		},
		{
			name: "of any", reason: "the branch leaves no record", path: "any[shouted]/shouted", reply: "yes", want: "yes",
			run: func(ctx op.Context, _ int) (string, error) { return replay.Run(ctx, op.Any("any", shouted)) },
		},
		{
			name: "as a future", reason: "another goroutine waits", path: "shouted", reply: "yes", want: "yes",
			run: func(ctx op.Context, _ int) (string, error) {
				f := replay.Go(ctx, shouted)
				return replay.Run(ctx, f.Result())
			},
		},
		{
			name: "in a group in a group", reason: "scopes around it", path: "a/b/shouted", reply: "yes", want: "yes",
			run: func(ctx op.Context, _ int) (string, error) {
				b := op.Group("b", func(ctx op.Context) (string, error) { return replay.Run(ctx, shouted) })
				return replay.Run(ctx, op.Group("a", func(ctx op.Context) (string, error) { return replay.Run(ctx, b) }))
			},
		},
		{
			name: "transformed", reason: "the result is another type, and the reply is not", path: "signed", reply: approval{By: "Ann"}, want: "Ann",
			run: func(ctx op.Context, _ int) (string, error) {
				return replay.Run(ctx, op.Transform(signed, func(a approval) (string, error) { return a.By, nil }))
			},
		},
		{
			name: "transformed in a map", reason: "so is the branch", path: "all[*]/signed", reply: approval{By: "Ann"}, want: "[Ann Ann]",
			run: func(ctx op.Context, _ int) (string, error) {
				b, err := replay.Run(ctx, op.Map("all", []int{1, 2}, func(int) op.Op[string] {
					return op.Transform(signed, func(a approval) (string, error) { return a.By, nil })
				}))
				return text(b.Values(), err)
			},
		},
		{
			name: "created in a map", reason: "each branch is a group that creates its own", path: "all[*]/mine", reply: "yes", want: "[yes yes]",
			run: func(ctx op.Context, _ int) (string, error) {
				b, err := replay.Run(ctx, op.Map("all", []int{1, 2}, func(int) op.Op[string] {
					return op.Group("each", func(ctx op.Context) (string, error) {
						c, err := replay.Run(ctx, op.CreateCallback[string]("mine", within, op.WithCodec(shout{})))
						if err != nil {
							return "", err
						}
						return replay.Run(ctx, c.Result())
					})
				}))
				return text(b.Values(), err)
			},
		},
		{
			name: "created by hand", reason: "the handler creates it and waits elsewhere", path: "mine", reply: approval{By: "Ann"}, want: "{Ann}",
			run: func(ctx op.Context, _ int) (string, error) {
				c, err := replay.Run(ctx, op.CreateCallback[approval]("mine", within))
				return text(replay.Run(ctx, op.Timeout("limit", c.Result(), time.Hour).MapError(func(e error) error { return errors.Join(err, e) })))
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := replaytest.Run(t, replay.Handler(tt.run), 1, replaytest.CallbackResult(tt.path, tt.reply))
			if r.Err != nil || r.Value != tt.want {
				t.Errorf("%s: got %q, %v, want %q", tt.reason, r.Value, r.Err, tt.want)
			}
			replaytest.Explore(t, replay.Handler(tt.run), 1, replaytest.CallbackResult(tt.path, tt.reply), replaytest.WithSchedules(5))
		})
	}
}
