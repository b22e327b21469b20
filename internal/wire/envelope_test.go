package wire_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/internal/wire"
)

// What is in the log stays readable: these texts are frozen.
func TestEnvelopeOnTheWire(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		e      wire.Envelope
		ends   []wire.Ending
		want   string
	}{
		{
			reason: "branches that their index identifies pay nothing",
			e:      wire.Envelope{Reason: "ALL_COMPLETED", Winner: 1, IDs: wire.JoinMarks(make([]wire.Mark, 2))},
			ends:   []wire.Ending{{'S', wire.Item{Payload: new(`"<a>"`)}}, {'F', wire.Item{Failure: &wire.Failure{Type: "E", Message: "no"}}}},
			want:   `{"perdure":{"reason":"ALL_COMPLETED","winner":1,"status":"SF","items":[{"payload":"\"<a>\""},{"error":{"type":"E","message":"no"}}]}}`,
		},
		{
			reason: "a name or a key costs eight bytes",
			e:      wire.Envelope{Reason: "R", Failed: true, Winner: -1, IDs: wire.JoinMarks([]wire.Mark{wire.MarkOf("charge", ""), wire.MarkOf("item", "SKU-1")})},
			ends:   []wire.Ending{{'-', wire.Item{Payload: new("never counted")}}, {Status: 'S'}},
			want:   `{"perdure":{"reason":"R","failed":true,"winner":-1,"status":"-S","ids":"ThEcI7sTTGHUqV4X","items":[{},{}]}}`,
		},
		{
			reason: "a result that was refused stays, for it is refused again on each replay",
			e:      wire.Envelope{Reason: "R"},
			ends:   []wire.Ending{{'F', wire.Item{Payload: new("1")}}},
			want:   `{"perdure":{"reason":"R","winner":0,"status":"F","items":[{"payload":"1"}]}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			e := tt.e
			for _, end := range tt.ends {
				e.Add(end)
			}
			if diff := cmp.Diff(tt.want, string(e.Encode())); diff != "" {
				t.Errorf("encoded (-want +got):\n%s", diff)
			}
			got, ok := wire.ReadEnvelope(e.Encode())
			if diff := cmp.Diff(&e, got); diff != "" || !ok {
				t.Errorf("read again: %v (-want +got):\n%s", ok, diff)
			}
			short, _ := wire.ReadEnvelope(e.Short("much").Encode())
			if short.Status != e.Status || short.IDs != e.IDs || short.Winner != e.Winner || short.Items != nil || short.Summary != "much" {
				t.Errorf("the short envelope is %+v", short)
			}
		})
	}
}

func TestPayloadThatIsNoEnvelope(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{"", "null", `{"perdure":`, `{"perdure":null}`, `{"perdure":7}`, `{"other":{}}`} {
		if e, ok := wire.ReadEnvelope([]byte(payload)); ok || e == nil {
			t.Errorf("%q was read as %+v", payload, e)
		}
	}
}

func TestHowManyBranchesCountAsStarted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason                   string
		n, maxOpen, counted, out int
	}{
		{"the rule ended it before anything began", 5, 0, 0, 0},
		{"the same, with a bound", 5, 2, 0, 0},
		{"without a bound all begin at once", 5, 0, 1, 5},
		{"the first end decides", 5, 2, 1, 2},
		{"one end made room for a third", 5, 2, 2, 3},
		{"one at a time", 5, 1, 4, 4},
		{"never more than there are", 5, 4, 4, 5},
		{"a bound above their number", 3, 10, 1, 3},
		{"no branches", 0, 0, 0, 0},
	}
	for _, tt := range tests {
		if got := wire.Started(tt.n, tt.maxOpen, tt.counted); got != tt.out {
			t.Errorf("%s: Started(%d, %d, %d) = %d, want %d", tt.reason, tt.n, tt.maxOpen, tt.counted, got, tt.out)
		}
	}
}

func TestPlacesOfBranches(t *testing.T) {
	t.Parallel()
	a, b, c, d := wire.MarkOf("a", ""), wire.MarkOf("b", ""), wire.MarkOf("c", ""), wire.MarkOf("d", "")
	marks := func(m ...wire.Mark) []wire.Mark { return m }
	tests := []struct {
		reason      string
		status      string
		ids         []wire.Mark
		why         string
		code        []wire.Mark
		closed      bool
		want        []int
		gone, added int
		fits        bool
	}{
		{reason: "unchanged", status: "SS", ids: marks(a, b), code: marks(a, b), want: []int{0, 1}, fits: true},
		{reason: "swapped", status: "SS", ids: marks(a, b), code: marks(b, a), closed: true, want: []int{1, 0}, fits: true},
		{reason: "a new one in front is absent", status: "SS", ids: marks(a, b), code: marks(c, a, b), want: []int{1, 2}, fits: true},
		{reason: "a new one in front of a closed batch", status: "SS", ids: marks(a, b), code: marks(c, a, b), closed: true, gone: -1, added: 0},
		{reason: "a new one behind", status: "SS", ids: marks(a, b), code: marks(a, b, c), closed: true, gone: -1, added: 2},
		{reason: "one is gone", status: "SS", ids: marks(a, b), code: marks(b), gone: 0, added: -1},
		{reason: "one that had not ended is gone", status: "S-", ids: marks(a, b), code: marks(a), gone: 1, added: -1},
		{reason: "one was replaced", status: "SS", ids: marks(a, b), code: marks(a, c), gone: 1, added: -1},
		{reason: "one that was never started is gone", status: "S", ids: marks(a, b), code: marks(a), closed: true, want: []int{0, -1}, fits: true},
		{reason: "one that was never started moved", status: "S", ids: marks(a, b), code: marks(b, a), closed: true, want: []int{1, 0}, fits: true},
		{reason: "by index", status: "SS", code: marks("", ""), want: []int{0, 1}, fits: true},
		{reason: "by index, appended", status: "SS", code: marks("", "", ""), want: []int{0, 1}, fits: true},
		{reason: "by index, one less", status: "SS", code: marks(""), gone: 1, added: -1},
		{reason: "index and key in one map", status: "SSS", ids: marks("", a, ""), code: marks("", b, "", a), want: []int{0, 3, 2}, fits: true},
		{reason: "an index was taken by a key", status: "SS", ids: marks("", a), code: marks(b, a), gone: 0, added: -1},
		{reason: "a key became an index", status: "SS", ids: marks(a, b), code: marks(a, ""), gone: 1, added: -1},
		{reason: "written without marks: by index as before", status: "SS", code: marks(b, a), want: []int{0, 1}, fits: true},
		{reason: "written without marks, ended early: by index as before", status: "S", why: "MIN_SUCCESSFUL_REACHED", code: marks(a, b), closed: true, want: []int{0}, fits: true},
		{reason: "written without marks, but all had ended", status: "SS", code: marks(a, b, c), closed: true, gone: -1, added: 2},
		{reason: "a cut text is none of the code's", status: "SS", ids: marks(a, "abc"), code: marks(a, b), gone: 1, added: -1},
		{reason: "three rotated", status: "SFS", ids: marks(a, b, c), code: marks(d, c, a, b), want: []int{2, 3, 1}, fits: true},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			e := wire.Envelope{Reason: "ALL_COMPLETED", Status: tt.status, IDs: wire.JoinMarks(tt.ids)}
			if tt.why != "" {
				e.Reason = tt.why
			}
			got, misfit := e.Places(tt.code, tt.closed)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("places (-want +got):\n%s", diff)
			}
			if (misfit == nil) != tt.fits || misfit != nil && (misfit.Gone != tt.gone || misfit.Added != tt.added) {
				t.Errorf("misfit %+v, want gone %d, added %d, fits %v", misfit, tt.gone, tt.added, tt.fits)
			}
		})
	}
}

// Whatever was recorded and whatever the code has now: a branch of the code gets the end of the
// branch with its identity, or there is a misfit.
func TestPlacesNeverMixUpBranches(t *testing.T) {
	t.Parallel()
	name := gen.IntRange(0, 7).Map(func(i int) string { return string(rune('a' + i)) })
	properties := gopter.NewProperties(gopter.DefaultTestParameters())
	properties.Property("by identity or not at all", prop.ForAll(
		func(old, code []string, started int, closed bool) bool {
			old, code = distinct(old), distinct(code)
			e := wire.Envelope{Reason: "R", IDs: wire.JoinMarks(marksOf(old)), Status: strings.Repeat("S", min(started, len(old)))}
			places, misfit := e.Places(marksOf(code), closed)
			had, has := asSet(old), asSet(code)
			if misfit != nil {
				switch {
				case misfit.Gone != wire.Absent:
					return misfit.Added == wire.Absent && !has[old[misfit.Gone]]
				default:
					return closed && !had[code[misfit.Added]]
				}
			}
			for i, at := range places {
				if at == wire.Absent && has[old[i]] || at != wire.Absent && code[at] != old[i] {
					return false
				}
			}
			for i := range len(e.Status) {
				if places[i] == wire.Absent {
					return false
				}
			}
			for _, n := range code {
				if closed && len(old) > 0 && !had[n] {
					return false
				}
			}
			return true
		},
		gen.SliceOf(name), gen.SliceOf(name), gen.IntRange(0, 8), gen.Bool(),
	))
	properties.TestingRun(t)
}

func distinct(names []string) (all []string) {
	seen := make(map[string]bool)
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			all = append(all, n)
		}
	}
	return all
}

func asSet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}

func marksOf(names []string) []wire.Mark {
	marks := make([]wire.Mark, len(names))
	for i, n := range names {
		marks[i] = wire.MarkOf(n, "")
	}
	return marks
}

// FuzzEnvelope reads anything: what is read can be encoded and matched.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{`{"perdure":{"status":"SF-","ids":"..abcdefgh","winner":9}}`, `{"perdure":{"status":"S","ids":"x","items":[{},{}]}}`} {
		f.Add([]byte(seed), 3, true)
	}
	f.Fuzz(func(t *testing.T, payload []byte, n int, closed bool) {
		e, ok := wire.ReadEnvelope(payload)
		if !ok || n < 0 || n > 1000 {
			t.Skip()
		}
		code := make([]wire.Mark, n)
		for i := range code {
			code[i] = wire.MarkOf("item", string(rune(i)))
		}
		places, misfit := e.Places(code, closed)
		if (places == nil) == (misfit == nil) && len(e.Status) > 0 {
			t.Errorf("places %v and misfit %v", places, misfit)
		}
		for i := range len(e.Status) {
			e.At(i)
			if misfit == nil && (places[i] < 0 || places[i] >= n) {
				t.Errorf("branch %d is at %d of %d", i, places[i], n)
			}
		}
		if _, ok := wire.ReadEnvelope(e.Encode()); !ok {
			t.Error("what was encoded cannot be read")
		}
	})
}
