package offload_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/seal"
)

// listed is a memory that lists what it has.
type listed struct {
	*memory

	written      time.Time
	list, remove error
}

func (l listed) Objects(context.Context) iter.Seq2[offload.Object, error] {
	all := maps.Clone(l.objects)

	return func(yield func(offload.Object, error) bool) {
		for k, o := range all {
			if !yield(offload.Object{Key: k, Size: int64(len(o)), Written: l.written}, nil) {
				return
			}
		}

		if l.list != nil {
			yield(offload.Object{}, l.list)
		}
	}
}

func (l listed) Remove(_ context.Context, k offload.Key) error {
	delete(l.objects, k)
	return l.remove
}

func TestCollectKeepsWhatIsNeeded(t *testing.T) {
	t.Parallel()

	// The order has ended. It began a bill, which runs, and a successor; a copy of it was made to
	// look at.
	input := codec.Meta{ExecutionARN: orders, OperationID: "a", Function: "bills", Part: codec.PartInput}
	forward := codec.Meta{ExecutionARN: orders, Function: "orders", Part: codec.PartInput}
	step := codec.Meta{ExecutionARN: orders, OperationID: "b"}
	// A bill that has ended has answered an order that runs.
	answer := codec.Meta{ExecutionARN: bills}
	kept := codec.Meta{ExecutionARN: next, OperationID: "c"}

	tests := []struct {
		reason string
		// runs are executions that run, and logs the places that their records were copied from.
		runs   []string
		logs   []codec.Meta
		loses  []codec.Meta
		before time.Duration
	}{
		{reason: "nothing runs", loses: []codec.Meta{input, forward, step, answer, kept}},
		{reason: "nothing runs, and nothing is old enough", before: -time.Hour},
		{
			reason: "a callee reads its input", runs: []string{bills + "2"}, logs: []codec.Meta{input},
			loses: []codec.Meta{forward, step, answer, kept},
		},
		{
			reason: "a successor reads its input, and what it wrote itself", runs: []string{next}, logs: []codec.Meta{forward},
			loses: []codec.Meta{input, step, answer},
		},
		{
			reason: "a caller reads a result", runs: []string{next}, logs: []codec.Meta{answer},
			loses: []codec.Meta{input, forward, step},
		},
		{
			reason: "a fork reads what it was forked from", runs: []string{"arn:fork"}, logs: []codec.Meta{forward, step, input},
			loses: []codec.Meta{answer, kept},
		},
		{reason: "an execution that runs keeps all of its own", runs: []string{orders}, loses: []codec.Meta{answer, kept}},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			store, clock := listed{memory: &memory{}, written: began}, &watch{began}
			c := codec.Chain(codec.JSON(), offload.New(store, offload.WithThreshold(0), offload.WithClock(clock.read)))
			places := map[offload.Key]codec.Meta{}
			payloads := map[offload.Key][]byte{}
			at := func(m codec.Meta) []byte {
				p, err := codec.Encode(t.Context(), c, m, m.ExecutionARN+m.OperationID+m.Function)
				if err != nil {
					t.Fatal(err)
				}

				return p
			}

			for _, m := range []codec.Meta{input, forward, step, answer, kept} {
				p := at(m)
				info, _, _ := offload.Inspect(p)
				payloads[info.Key], places[info.Key] = p, m
			}

			var use offload.InUse
			for _, arn := range tt.runs {
				use.AddExecution(arn)
			}

			for _, m := range tt.logs {
				if err := use.AddPayload(at(m)); err != nil {
					t.Fatal(err)
				}
			}

			got, err := offload.Collect(t.Context(), store, &use, began.Add(time.Minute).Add(tt.before))
			if want := len(tt.loses); err != nil || got.Removed != want || got.Kept != 5-want || (got.RemovedBytes > 0) != (want > 0) {
				t.Errorf("Collect = %+v, %v, want %d removed", got, err, want)
			}

			for _, m := range tt.loses {
				info, _, _ := offload.Inspect(at(m)) // which puts it again
				delete(payloads, info.Key)
				delete(store.objects, info.Key)
			}

			for k, p := range payloads {
				if err := codec.Decode(t.Context(), c, places[k], p, new(string)); err != nil {
					t.Errorf("object %s: %v", k, err)
				}
			}
		})
	}
}

func TestCollectStopsAtAnError(t *testing.T) {
	t.Parallel()

	broken := errors.New("broken")

	for _, fail := range []func(*listed){
		func(l *listed) { l.list = broken },
		func(l *listed) { l.remove = broken },
	} {
		store := listed{memory: &memory{}}
		fail(&store)

		k := offload.Key{Scope: "a", Hash: "b"}
		if err := store.Put(t.Context(), k, []byte("x")); err != nil {
			t.Fatal(err)
		}

		if _, err := offload.Collect(t.Context(), store, &offload.InUse{}, began); !errors.Is(err, broken) {
			t.Errorf("Collect = %v, want %v", err, broken)
		}
	}
}

func TestWhatCannotBeKnownIsNotCollected(t *testing.T) {
	t.Parallel()

	var use offload.InUse
	if err := use.AddPayload([]byte(`"~perdure1:offload,seal:bAAAA"`)); err == nil {
		t.Error("a reference that is sealed was taken for no reference")
	}

	if err := use.AddPayload([]byte(`"paid"`)); err != nil || use.Has(offload.Key{}) {
		t.Errorf("a plain payload: %v", err)
	}
}

// An object is found wherever its reference stands in a record: however the text around it was
// made, and whatever its preview made of it.
func TestReferencesInsideOfRecordsAreFound(t *testing.T) {
	t.Parallel()

	quoted := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}

		return string(text)
	}
	record := func(c codec.Codec, v string) string {
		p, err := codec.Encode(t.Context(), c, charge, v)
		if err != nil {
			t.Fatal(err)
		}

		return string(p)
	}
	store := &memory{}
	plain := codec.Chain(codec.JSON(), offload.New(store, offload.WithThreshold(0)))
	key, err := seal.GenerateKey("k1")
	if err != nil {
		t.Fatal(err)
	}

	sealed := codec.Chain(codec.JSON(), seal.New(seal.Static(key)), offload.New(store, offload.WithThreshold(0)))
	under := codec.Chain(codec.JSON(), offload.New(store, offload.WithThreshold(0)), seal.New(seal.Static(key)))
	line := strings.Repeat("0a", 32) + " 6 1772366400 s"

	tests := []struct {
		reason, payload string
		objects         int
		fails           bool
	}{
		{reason: "itself", payload: record(plain, "paid"), objects: 1},
		{reason: "the results of branches", payload: quoted(map[string]any{"perdure": map[string]any{
			"items": []map[string]string{{"payload": record(plain, "a")}, {"payload": record(sealed, "b")}},
		}}), objects: 2},
		{reason: "an error of a branch", payload: quoted(map[string]any{"perdure": map[string]any{
			"items": []any{map[string]any{"error": map[string]any{"data": quoted(map[string]any{"encoded": record(sealed, "x")})}}},
		}}), objects: 1},
		{reason: "in strings in strings", payload: quoted(quoted(quoted(record(plain, "c")))), objects: 1},
		{reason: "a preview of quotes, for which base64 is shorter", payload: quoted(record(plain, strings.Repeat(`"`, 300))), objects: 1},
		{reason: "a preview with escapes", payload: quoted(record(plain, "\t\"\\\n<é>")), objects: 1},
		{reason: "nothing", payload: quoted("paid")},
		{reason: "a small payload that is sealed", payload: quoted(`"~perdure1:seal:bAAAA"`)},
		{reason: "a text of the user's that looks like one", payload: quoted(map[string]string{"note": "~perdure1:offload:t1 me"})},
		{reason: "a mark alone", payload: quoted([]string{"~perdure", "~perdure1", "~perdure1:offload", "~perdure1:offload:", "~perdureX:offload:t"})},
		{reason: "cut off", payload: `{"x":"~perdure1:offload:t1 ` + line},
		{reason: "base64 that is none", payload: quoted([]string{"~perdure1:offload:b*"})},
		{reason: "a reference that is sealed", payload: quoted([]string{record(under, "d")}), fails: true},
		{reason: "of later code", payload: quoted([]string{"~perdure2:what"}), fails: false},
		{reason: "of later code, with names", payload: quoted([]string{"~perdure2:offload:t1"}), fails: true},
		{reason: "a later reference", payload: quoted([]string{"~perdure1:offload:t3 " + line + "\n"}), fails: true},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			var use offload.InUse
			if err := use.AddPayload([]byte(tt.payload)); (err != nil) != tt.fails {
				t.Fatalf("AddPayload = %v, want an error %v, of\n%s", err, tt.fails, tt.payload)
			}

			found := 0
			for k := range store.objects {
				if use.Has(k) {
					found++
				}
			}

			if found != tt.objects {
				t.Errorf("%d objects are in use, want %d, of\n%s", found, tt.objects, tt.payload)
			}
		})
	}
}
