package replay_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// verdicts of an execution that began with one version and ended with another one.
const (
	right  = "right"  // as if it had been the new version from the beginning
	absent = "absent" // the same without the new branches, which a completed batch does not run
	wrong  = "wrong"
)

// verdict judges how an execution ended by how the new version ends.
func verdict(got, through string) string {
	switch got {
	case diverged, through:
		return map[bool]string{true: diverged, false: right}[got == diverged]
	}
	all := pairsOf(through)
	for _, p := range pairsOf(got) {
		if !slices.Contains(all, p) {
			return wrong
		}
	}
	return absent
}

// pairsOf reads the result of an execution.
func pairsOf(end string) []string {
	var pairs []string
	if json.Unmarshal([]byte(strings.TrimPrefix(end, "SUCCEEDED ")), &pairs) != nil {
		return []string{end}
	}
	return pairs
}

// TestEditsOfABatch deploys other branches in every state that an execution can be in.
func TestEditsOfABatch(t *testing.T) {
	t.Parallel()
	abc := []string{"a", "b", "c"}
	tests := []struct {
		reason        string
		before, after edited
		want          []string // the verdicts that there may be; that of the last state is the last one
	}{
		{"parallel: reordered", edited{kind: "parallel", names: abc}, edited{kind: "parallel", names: []string{"c", "a", "b"}}, []string{right}},
		{"parallel: appended", edited{kind: "parallel", names: abc}, edited{kind: "parallel", names: []string{"a", "b", "c", "d"}}, []string{right, absent}},
		{"parallel: in front", edited{kind: "parallel", names: abc}, edited{kind: "parallel", names: []string{"d", "a", "b", "c"}}, []string{right, absent}},
		{"parallel: removed", edited{kind: "parallel", names: abc}, edited{kind: "parallel", names: []string{"a", "c"}}, []string{right, diverged}},
		{"map by index: appended", edited{kind: "map", names: abc}, edited{kind: "map", names: []string{"a", "b", "c", "d"}}, []string{right, absent}},
		{"map by index: one less", edited{kind: "map", names: abc}, edited{kind: "map", names: abc[:2]}, []string{right, diverged}},
		{"map by key: in front", edited{kind: "keyed", names: abc}, edited{kind: "keyed", names: []string{"d", "a", "b", "c"}}, []string{right, absent}},
		{"map by key: reordered", edited{kind: "keyed", names: abc}, edited{kind: "keyed", names: []string{"b", "c", "a"}}, []string{right}},
		{"map by key: removed", edited{kind: "keyed", names: abc}, edited{kind: "keyed", names: []string{"b", "c"}}, []string{right, diverged}},
		{"map by key: replaced", edited{kind: "keyed", names: abc}, edited{kind: "keyed", names: []string{"a", "d", "c"}}, []string{right, diverged}},
		{"all: reordered", edited{kind: "all", names: abc}, edited{kind: "all", names: []string{"c", "b", "a"}}, []string{right}},
		{"all: appended", edited{kind: "all", names: abc[:2]}, edited{kind: "all", names: abc}, []string{right, diverged}},
		{"all: in front", edited{kind: "all", names: abc[:2]}, edited{kind: "all", names: []string{"c", "a", "b"}}, []string{right, diverged}},
		{"all: removed", edited{kind: "all", names: abc}, edited{kind: "all", names: abc[1:]}, []string{right, diverged}},
		{"all: the first operand", edited{kind: "all"}, edited{kind: "all", names: abc[:1]}, []string{right, diverged}},
		{"join: two become three", edited{kind: "join", names: abc[:2]}, edited{kind: "join", names: abc}, []string{right, diverged}},
		{"join: three become two", edited{kind: "join", names: abc}, edited{kind: "join", names: abc[:2]}, []string{right, diverged}},
		{"join: swapped", edited{kind: "join", names: abc[:2]}, edited{kind: "join", names: []string{"b", "a"}}, []string{right}},
		{"select: reordered", edited{kind: "select", names: abc}, edited{kind: "select", names: []string{"c", "b", "a"}}, []string{right}},
		{"select: appended", edited{kind: "select", names: abc}, edited{kind: "select", names: []string{"a", "b", "c", "d"}}, []string{right, diverged}},
		{"select: the winner removed", edited{kind: "select", names: abc}, edited{kind: "select", names: abc[1:]}, []string{right, diverged}},
		{"select: a loser removed", edited{kind: "select", names: abc}, edited{kind: "select", names: abc[:2]}, []string{right, diverged}},
		{"race: appended", edited{kind: "race", names: abc}, edited{kind: "race", names: []string{"a", "b", "c", "d"}}, []string{right, diverged}},
		{"race: reordered", edited{kind: "race", names: abc}, edited{kind: "race", names: []string{"c", "a", "b"}}, []string{right}},
		{"any: reordered", edited{kind: "any", names: []string{"x1", "b2", "c3"}}, edited{kind: "any", names: []string{"c3", "b2", "x1"}}, []string{right}},
		{"any: appended", edited{kind: "any", names: abc}, edited{kind: "any", names: []string{"a", "b", "c", "d"}}, []string{right, diverged}},
		{"settled: reordered", edited{kind: "settled", names: []string{"x1", "b", "y3"}}, edited{kind: "settled", names: []string{"y3", "x1", "b"}}, []string{right}},
		{"settled: appended", edited{kind: "settled", names: abc[:2]}, edited{kind: "settled", names: abc}, []string{right, diverged}},
		{
			"a race of one at a time whose later operands never began: reordered",
			edited{kind: "race", names: abc, maxOpen: 1},
			edited{kind: "race", names: []string{"a", "c", "b"}, maxOpen: 1},
			[]string{right},
		},
		{
			"a race of one at a time: one that never began is removed",
			edited{kind: "race", names: abc, maxOpen: 1},
			edited{kind: "race", names: abc[:2], maxOpen: 1},
			[]string{right},
		},
		{
			"failures find their branches",
			edited{kind: "keyed", names: []string{"x1", "b", "y3"}, rules: []op.Completion{op.AllCompleted()}},
			edited{kind: "keyed", names: []string{"b", "y3", "x1"}, rules: []op.Completion{op.AllCompleted()}},
			[]string{right},
		},
		{
			"items of chunks that change places in them",
			edited{kind: "chunks", names: []string{"a", "b", "c", "d"}},
			edited{kind: "chunks", names: []string{"b", "a", "d", "c"}},
			[]string{right},
		},
		{
			"items of chunks that change chunks",
			edited{kind: "chunks", names: []string{"a", "b", "c", "d"}},
			edited{kind: "chunks", names: []string{"a", "c", "b", "d"}},
			[]string{right, diverged},
		},
	}
	long := draws.Count(1) > 1 // large results take most of the time: each eighth row has them, in a long run all
	for i, tt := range tests {
		versions := []edited{{}}
		if k := tt.before.kind; !long && i%8 != 0 {
			if k == "parallel" || k == "map" || k == "keyed" {
				versions = append(versions, edited{flat: true})
			}
		} else if k == "parallel" || k == "map" || k == "keyed" {
			versions = append(versions, edited{flat: true}, edited{large: true}, edited{flat: true, large: true})
		} else if k != "chunks" && !strings.Contains(tt.reason, "one") {
			versions = append(versions, edited{large: true})
		}
		for _, v := range versions {
			t.Run(fmt.Sprintf("%s, flat %v, large %v", tt.reason, v.flat, v.large), func(t *testing.T) {
				t.Parallel()
				before, after := tt.before, tt.after
				before.flat, before.large, after.flat, after.large = v.flat, v.large, v.flat, v.large
				through := ended(drive(t, after.handler(), "null"))
				seen := make(map[string]int)
				everyState(t, before.handler(), after.handler(), func(where string, e *local.Execution) {
					got := verdict(ended(e), through)
					seen[got]++
					if !slices.Contains(tt.want, got) {
						t.Errorf("%s: %s: ended as %s, the new code as %s", where, got, end(e), through)
					}
				})
				if want := tt.want[len(tt.want)-1]; seen[want] == 0 {
					t.Errorf("no state was %s: %v", want, seen)
				}
			})
		}
	}
}

// A map without keys goes by the index, whatever stands there: giving keys to its items in the same
// order keeps their results once it has completed, and before is a change like another.
func TestKeysAddedToAMap(t *testing.T) {
	t.Parallel()
	before := edited{kind: "map", names: []string{"a", "b", "c"}}
	after := edited{kind: "keyed", names: []string{"a", "b", "c"}}
	through := ended(drive(t, after.handler(), "null"))
	seen := make(map[string]int)
	everyState(t, before.handler(), after.handler(), func(where string, e *local.Execution) {
		got := verdict(ended(e), through)
		if seen[got]++; got != right && got != diverged {
			t.Errorf("%s: ended as %s", where, end(e))
		}
	})
	if seen[right] == 0 || seen[diverged] == 0 {
		t.Errorf("the verdicts are %v", seen)
	}
}

// What diverges says which operand it is, what the log holds and what to do.
func TestAddedOperandIsNamed(t *testing.T) {
	t.Parallel()
	before := edited{kind: "all", names: []string{"a", "b"}}
	after := edited{kind: "all", names: []string{"a", "notify-ann", "b"}}
	var text string
	everyState(t, before.handler(), after.handler(), func(_ string, e *local.Execution) {
		if ended(e) == diverged {
			text = end(e)
		}
	})
	for _, part := range []string{`the operand "notify-ann" was added`, `"b" without "notify-ann"`, `3 branches: "a", "notify-ann", "b"`, `run "notify-ann" after the batch`} {
		if !strings.Contains(text, part) {
			t.Errorf("the divergence does not say %s:\n%s", part, text)
		}
	}
}

// randomEdit makes a program, and another version of it, of a seed.
func randomEdit(seed int64) (before, after edited) {
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	kinds := append(closedKinds(), "keyed", "parallel", "chunks", "keyed", "parallel")
	before.kind = kinds[r.IntN(len(kinds))]
	pool := []string{"a", "b", "c", "d", "e", "x1", "x4", "y2"}
	r.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
	n := 2 + r.IntN(3)
	before.names = slices.Clone(pool[:n])
	before.flat, before.large = r.IntN(2) == 0, r.IntN(10) == 0
	if before.kind != "join" {
		before.maxOpen = r.IntN(4)
	}
	before.rules = [][]op.Completion{nil, {op.AllCompleted()}, {op.MinSuccessful(1)}, {op.Tolerate(1)}, {op.FirstSuccessful(), op.Tolerate(1)}}[r.IntN(5)]
	after = before
	after.names = slices.Clone(before.names)
	for range 1 + r.IntN(3) {
		switch edit := r.IntN(4); {
		case edit == 0 && len(after.names) < 4:
			after.names = slices.Insert(after.names, r.IntN(len(after.names)+1), pool[n])
			n++
		case edit == 1 && len(after.names) > 2:
			at := r.IntN(len(after.names))
			after.names = slices.Delete(after.names, at, at+1)
		default:
			r.Shuffle(len(after.names), func(i, j int) { after.names[i], after.names[j] = after.names[j], after.names[i] })
		}
	}
	return before, after
}

// belong reports a result that is not that of the branch it is given as.
func (p edited) belong(got string) error {
	if got == diverged {
		return nil
	}
	pairs := pairsOf(got)
	if (p.kind == "all" || p.kind == "join" || p.kind == "settled") && !strings.HasPrefix(pairs[0], "error: ") && len(pairs) != len(p.names) {
		return fmt.Errorf("%d of %d operands have a result", len(pairs), len(p.names))
	}
	for _, text := range pairs {
		name, value, ok := strings.Cut(text, "=")
		switch {
		case strings.HasPrefix(text, "error: "):
			name, value = "", strings.TrimPrefix(text, "error: ")
		case strings.HasPrefix(text, "winner "):
			name = strings.TrimPrefix(name, "winner ")
		case !ok:
			if !slices.Contains(p.names, strings.TrimSuffix(text, " started")) {
				return fmt.Errorf("%q is of none of the branches", text)
			}
			continue
		}
		if name != "" && value == outcomeOf(name) && slices.Contains(p.names, name) {
			continue
		}
		if name != "" || !slices.ContainsFunc(p.names, func(n string) bool { return strings.Contains(value, outcomeOf(n)) }) {
			return fmt.Errorf("%q is not the result of a branch", text)
		}
	}
	return nil
}

// Whatever changes in a batch, and in whatever state an execution is then: each branch gets its own
// result, or the execution diverges.
func TestBranchesNeverGetEachOthersResults(t *testing.T) {
	t.Parallel()
	params := gopter.DefaultTestParametersWithSeed(lawSeed(t))
	params.MinSuccessfulTests = 40
	seen := make(map[string]int)
	properties := gopter.NewProperties(params)
	properties.Property("by identity or divergence", prop.ForAll(func(seed int64) (bool, error) {
		before, after := randomEdit(seed)
		through := ended(drive(t, after.handler(), "null"))
		if err := after.belong(through); err != nil {
			return false, fmt.Errorf("%v: run through: %w", after, err)
		}
		var failure error
		everyState(t, before.handler(), after.handler(), func(where string, e *local.Execution) {
			got := ended(e)
			seen[map[bool]string{true: diverged, false: "by identity"}[got == diverged]]++
			if err := after.belong(got); err != nil && failure == nil {
				failure = fmt.Errorf("%v\n-> %v\n%s: %w\nended as %s", before, after, where, err, got)
			}
		})
		return failure == nil, failure
	}, gen.Int64()))
	properties.TestingRun(t)
	t.Log(seen)
	if seen[diverged] == 0 || seen["by identity"] == 0 {
		t.Errorf("the edits reach one verdict alone: %v", seen)
	}
}

// An unchanged program counts the same, wherever its function is lost: how many branches have been
// started, and, where the log has an order of their ends, how each of them counts.
func TestCountsDoNotDependOnWhereTheFunctionWasLost(t *testing.T) {
	t.Parallel()
	names := []string{"a1", "b2", "x3", "d4", "y5", "f6"} // in the order of their ends
	rules := map[string][]op.Completion{
		"two": {op.MinSuccessful(2)}, "none may fail": nil, "all": {op.AllCompleted()}, "one may fail": {op.Tolerate(1)},
		"what the rule sees": {op.CompleteWhen(func(p op.Progress) op.Verdict {
			if p.Succeeded+p.Failed == 3 && p.Started > 4 {
				return op.VerdictFail
			}
			return op.VerdictContinue
		})},
	}
	for _, kind := range []string{"keyed", "parallel", "chunks"} {
		for rule, completion := range rules {
			for _, maxOpen := range []int{0, 2} {
				for size := range 4 {
					p := edited{kind: kind, names: names, rules: completion, maxOpen: maxOpen, flat: size%2 == 1, large: size > 1}
					unordered := p.flat || p.large || kind == "chunks" // the log has no ends of the branches
					if unordered && maxOpen > 0 && rule != "all" || p.large && (kind != "keyed" || maxOpen > 0 || rule != "all") {
						continue
					}
					t.Run(fmt.Sprintf("%s, %v", rule, p), func(t *testing.T) {
						t.Parallel()
						through := end(drive(t, p.handler(), "null"))
						if !strings.HasPrefix(through, "SUCCEEDED") || strings.Contains(through, "error: ") {
							t.Fatal(through)
						}
						everyState(t, p.handler(), p.handler(), func(where string, e *local.Execution) {
							got, want := end(e), through
							if unordered && rule != "all" {
								got, want = strconv.Itoa(len(pairsOf(got))), strconv.Itoa(len(pairsOf(want)))
							}
							if got != want {
								t.Errorf("%s: ended as %s, want %s", where, end(e), through)
							}
						})
					})
				}
			}
		}
	}
}

// What was written before branches had marks goes by the index, as it did then, unless that is
// known to be wrong.
func TestEnvelopesWithoutMarks(t *testing.T) {
	t.Parallel()
	const both = `{"perdure":{"reason":"ALL_COMPLETED","winner":1,"status":"SS","items":[{"payload":"\"1\""},{"payload":"\"2\""}]}}`
	const firstOnly = `{"perdure":{"reason":"MIN_SUCCESSFUL_REACHED","winner":0,"status":"S","items":[{"payload":"\"1\""}]}}`
	all := func(names ...string) func(ctx op.Context) string {
		return func(ctx op.Context) string {
			v, err := replay.Run(ctx, op.All("b", steps(names)...))
			return facts(v, err)
		}
	}
	parallel := func(names ...string) func(ctx op.Context) string {
		return func(ctx op.Context) string {
			b, err := replay.Run(ctx, op.Parallel("b", steps(names)))
			return facts(b.Values(), b.Len(), err)
		}
	}
	tests := []struct {
		reason, subType, payload string
		run                      func(ctx op.Context) string
		want                     string
	}{
		{"unchanged", "RunInChildContext", both, all("a", "b"), `SUCCEEDED "[1 2] <nil>"`},
		{"swapped: by index", "RunInChildContext", both, all("b", "a"), `SUCCEEDED "[1 2] <nil>"`},
		{"an operand more than all that have ended", "RunInChildContext", both, all("a", "b", "c"), diverged},
		{"an operand less", "RunInChildContext", both, all("a"), diverged},
		{"a branch more", "Parallel", both, parallel("a", "b", "c"), `SUCCEEDED "[1 2] 2 <nil>"`},
		{"a branch less", "Parallel", both, parallel("a"), diverged},
		{"a race whose loser was not started", "RunInChildContext", firstOnly, func(ctx op.Context) string {
			w, err := replay.Run(ctx, op.RaceWinner("b", steps([]string{"a", "b"})...))
			return facts(w.Index, w.Name, w.Value, err)
		}, `SUCCEEDED "0 a 1 <nil>"`},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			at := dawn
			event, err := checkpoint.EncodeInvocation(checkpoint.Invocation{ARN: "arn:x", Token: "t", Operations: []checkpoint.Operation{
				{ID: "e", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted, Start: at, Payload: checkpoint.TextPayload("null")},
				{
					ID: oplog.ID("", "b", "", 0), Kind: checkpoint.KindContext, SubType: tt.subType, Name: "b",
					Status: checkpoint.StatusSucceeded, Start: at, End: at, Payload: checkpoint.TextPayload(tt.payload),
				},
			}})
			must(t, err)
			f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) { return tt.run(ctx), nil })
			out, err := f.Invoke(checkpoint.WithClient(t.Context(), new(acceptor)), event)
			must(t, err)
			var answer struct{ Status, Result string }
			must(t, json.Unmarshal(out, &answer))
			got := answer.Status + " " + answer.Result
			if strings.Contains(string(out), "diverged") {
				got = diverged
			}
			if got != tt.want {
				t.Errorf("got %s, want %s: %s", got, tt.want, out)
			}
		})
	}
}

func steps(names []string) []op.Op[string] {
	ops := make([]op.Op[string], len(names))
	for i, n := range names {
		ops[i] = plainStep(n, "ran again")
	}
	return ops
}
