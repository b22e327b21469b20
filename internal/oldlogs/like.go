package oldlogs

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// likeness says when what an engine writes is like what the engine of the history has written: the
// bytes are the same. If envelopes may have grown, those of batches may hold more than they did.
type likeness struct {
	envelopes bool
	grown     *atomic.Bool // whether one does
	winners   bool         // other branches may have decided batches
	moved     *atomic.Bool // whether one has
	names     bool         // built-in errors may have names with a prefix
	prefixed  *atomic.Bool // whether one has
	callbacks bool         // errors may name the callback that they are of
	named     *atomic.Bool // whether one does
}

// callback is the member that names a callback in the data of an error.
var callback = regexp.MustCompile(`,?"callback":"[^"]*"`)

// nameless is the data of an error without the callback that it is of.
func (l *likeness) nameless(s string) string {
	if !l.callbacks || !callback.MatchString(s) {
		return s
	}
	l.named.Store(true)
	if s = callback.ReplaceAllString(s, ""); s == `{"perdure":{}}` {
		return ""
	}
	return s
}

// prefix is that of the name of a built-in error, in an envelope as deep as it is quoted there.
var prefix = regexp.MustCompile(`(name\\*":\\*")perdure\.`)

// unprefixed is a text with the names that built-in errors had in the histories.
func (l *likeness) unprefixed(s string) string {
	if !l.names || !prefix.MatchString(s) {
		return s
	}
	l.prefixed.Store(true)
	return prefix.ReplaceAllString(s, "$1")
}

// failure is what the engine of the history has written in place of a failure.
func (l *likeness) failure(f *failure) *failure {
	if f == nil || !l.names && !l.callbacks {
		return f
	}
	plain := *f
	plain.Data = text(l.nameless(l.unprefixed(string(f.Data))))
	return &plain
}

// envelopeMark begins the payload of a batch.
const envelopeMark = `{"perdure":{"reason":`

func (l *likeness) updates(want, got []update) bool {
	return slices.EqualFunc(want, got, func(w, g update) bool {
		if !l.payload(w.Payload, g.Payload) {
			return false
		}
		w.Payload, g.Payload = nil, nil
		same := func() bool { return slices.Equal(keys([]update{w}), keys([]update{g})) }
		if same() { // a history may be younger than what others are excused for
			return true
		}
		g.Failure = l.failure(g.Failure)
		return same()
	})
}

func (l *likeness) final(want, got final) bool {
	return want.Status == got.Status && want.Attempt == got.Attempt && l.payload(want.Payload, got.Payload) &&
		l.failures(want.Failure, got.Failure)
}

func (l *likeness) ending(want, got ending) bool {
	return want.Status == got.Status && l.payload(want.Result, got.Result) && l.failures(want.Failure, got.Failure) &&
		maps.EqualFunc(want.Differs, got.Differs, l.final)
}

func (l *likeness) failures(want, got *failure) bool {
	return equalJSON(want, got) || equalJSON(want, l.failure(got))
}

func (l *likeness) payload(want, got *text) bool {
	if want == nil || got == nil {
		return want == got
	}
	if *want == *got {
		return true
	}
	g := l.unprefixed(string(*got))
	return string(*want) == g || l.grew(string(*want), g)
}

// grew reports whether text is an envelope that holds all that another one does.
func (l *likeness) grew(want, got string) bool {
	if !l.envelopes || !strings.HasPrefix(want, envelopeMark) {
		return false
	}
	var w, g any
	if json.Unmarshal([]byte(want), &w) != nil || json.Unmarshal([]byte(got), &g) != nil || !l.within(w, g) {
		return false
	}
	l.grown.Store(true)
	return true
}

// within reports whether all that w holds is in g.
func (l *likeness) within(w, g any) bool {
	switch w := w.(type) {
	case map[string]any:
		m, ok := g.(map[string]any)
		for name, v := range w {
			if name == "winner" && l.winners && v != m[name] {
				l.moved.Store(true)
				continue
			}
			ok = ok && l.within(v, m[name])
		}
		return ok
	case []any:
		list, ok := g.([]any)
		return ok && slices.EqualFunc(w, list, l.within)
	case string:
		s, ok := g.(string)
		return ok && (s == w || l.grew(w, s))
	}
	return w == g
}

// winner is the branch of a batch that has decided it. If branches run beside each other, it
// differs.
var winner = regexp.MustCompile(`(winner\\*":)-?\d+`)

// anyWinner is a payload without the winners of batches.
func anyWinner(t *text) *text {
	if t == nil || !strings.HasPrefix(string(*t), envelopeMark) {
		return t
	}
	rest := text(winner.ReplaceAllString(string(*t), "${1}0"))
	return &rest
}

// varied compares how operations have ended whose branches, or what runs beside them, decide how
// they end.
func (l *likeness) varied(want, got final) bool {
	want.Payload, got.Payload = anyWinner(want.Payload), anyWinner(got.Payload)
	return l.final(want, got)
}

// variant compares updates of such operations.
func (l *likeness) variant(want, got []update) bool {
	return l.updates(anyWinners(want), anyWinners(got))
}

func anyWinners(updates []update) []update {
	updates = slices.Clone(updates)
	for i := range updates {
		updates[i].Payload = anyWinner(updates[i].Payload)
	}
	return updates
}

func equalJSON(a, b any) bool {
	x, errX := marshal(a)
	y, errY := marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
