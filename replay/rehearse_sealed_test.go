package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/filestore"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func newSealing(t *testing.T, id string) codec.Transform {
	t.Helper()
	k, err := seal.GenerateKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return seal.New(seal.Static(k))
}

func newObjects(t *testing.T) codec.Transform {
	t.Helper()
	s, err := filestore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return offload.New(s, offload.WithThreshold(0))
}

// Logs whose payloads are sealed or kept elsewhere are rehearsed with the keys and the store.
// Without them nothing is said of what depends on a payload.
func TestRehearseSealedLogs(t *testing.T) {
	t.Parallel()
	began := func(ctx op.Context, in string) (string, error) {
		if done(ctx, valued("reserve", "r-"+in)) == "r-a" {
			done(ctx, op.Wait("cool-off", time.Hour))
		}
		return done(ctx, valued("ship", "shipped")), nil
	}
	renamed := func(ctx op.Context, in string) (string, error) {
		if done(ctx, valued("reserve", "r-"+in)) == "r-a" {
			done(ctx, op.Wait("cooling", time.Hour))
		}
		return done(ctx, valued("ship", "shipped")), nil
	}
	failed := func(ctx op.Context, in string) (string, error) {
		if err := replay.Exec(ctx, op.Do("charge", func(context.Context) error { return retry.Permanent(errors.New("declined")) })); err != nil {
			done(ctx, op.Wait("cool-off", time.Hour))
		}
		return in, nil
	}
	keys, objects := newSealing(t, "k1"), newObjects(t)
	tests := []struct {
		reason  string
		with    []codec.Transform
		handler func(op.Context, string) (string, error)
		want    replay.Verdict
		says    string
		failed  bool // it is the log of an operation that failed
	}{
		{"keys and store are there", []codec.Transform{keys, objects}, began, replay.VerdictFits, "", false},
		{"and find what does not fit", []codec.Transform{keys, objects}, renamed, replay.VerdictDiverges, "", false},
		{"the store alone", []codec.Transform{newSealing(t, "k2"), objects}, began, replay.VerdictUndecided, `a payload of "reserve" is withheld: it is sealed: `, false},
		{"another store", []codec.Transform{keys, newObjects(t)}, began, replay.VerdictUndecided, "object", false},
		{"an error, with the keys", []codec.Transform{keys, objects}, nil, replay.VerdictFits, "", true},
		{"an error, without them", []codec.Transform{newSealing(t, "k2"), objects}, nil, replay.VerdictUndecided, "it is sealed: ", true},
		{"the chain has lost its keys, and so would the next invocation", []codec.Transform{objects}, began, replay.VerdictDiverges, "", false},
	}
	with := func(f func(op.Context, string) (string, error), through ...codec.Transform) *replay.Function[string, string] {
		c := codec.Chain(codec.JSON(), through...)
		return replay.Handler(f, replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c))
	}
	log := suspended(t, with(began, keys, objects), `"a"`)
	failedLog := suspended(t, with(failed, keys, objects), `"a"`)
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			log := log
			if tt.failed {
				log, tt.handler = failedLog, failed
			}
			r, err := with(tt.handler, tt.with...).Rehearse(t.Context(), log)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != tt.want {
				t.Errorf("the verdict is %v (%v, %v, %v), want %v", r.Verdict, r.Diverged, r.Undecided, r.Err, tt.want)
			}
			said := fmt.Sprint(r.Undecided)
			if !strings.Contains(said, tt.says) {
				t.Errorf("it says %q, want %q", said, tt.says)
			}
		})
	}
}
