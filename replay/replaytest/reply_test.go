package replaytest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// TestRepliesAreEncodedAsDeclared gives the same answer to callbacks of several codecs and at several places, at
// once and, by Explore, earlier and later: it must always be read as it was meant.
func TestRepliesAreEncodedAsDeclared(t *testing.T) {
	t.Parallel()
	ask := func(context.Context, string) error { return nil }
	within := op.WithTimeout(24 * time.Hour)
	words := op.WaitForCallback[string]("words", ask, within)
	signed := op.WaitForCallback[approval]("signed", ask, within, op.WithCodec(codec.JSON()))
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
			r := replaytest.Run(t, replay.Handler(tt.run), 1, replaytest.Reply(tt.path, tt.reply))
			if r.Err != nil || r.Value != tt.want {
				t.Errorf("%s: got %q, %v, want %q", tt.reason, r.Value, r.Err, tt.want)
			}
			replaytest.Explore(t, replay.Handler(tt.run), 1, replaytest.Reply(tt.path, tt.reply), replaytest.Schedules(5))
		})
	}
}
