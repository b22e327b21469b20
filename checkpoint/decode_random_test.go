package checkpoint_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/draws"
)

// eventWriter writes random events: mostly right ones, in all the spellings that JSON has.
type eventWriter struct {
	*rand.Rand
	strings.Builder
}

func (w *eventWriter) one(choices ...string) string { return choices[w.IntN(len(choices))] }

func (w *eventWriter) rarely() bool { return w.IntN(40) == 0 }

func (w *eventWriter) blank() {
	for w.IntN(8) == 0 {
		w.WriteString(w.one(" ", "\n", "\t", "\r"))
	}
}

// text writes a string, plainly or with escapes.
func (w *eventWriter) text(s string) {
	w.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			w.WriteString(`\` + string(r))
		case r < ' ' || r < 0xffff && w.IntN(30) == 0:
			fmt.Fprintf(w, `\u%04x`, r)
		default:
			w.WriteRune(r)
		}
	}
	w.WriteString(w.one("", "", "", "", "", "", `\/`, `\b\f\n\r\t`, `\ud83d\ude00`, `\ud83d`, `\ude00x`, "\xff", "é", "\u2028"))
	w.WriteByte('"')
}

func (w *eventWriter) words() {
	w.text(w.one("", "a", "charge-card", "8f3c1a", `{"orderId":42}`, strings.Repeat("long", w.IntN(40)), "größe", "a\"b\\c"))
}

func (w *eventWriter) junk(depth int) {
	switch n := w.IntN(9); {
	case n == 0 && depth < 5:
		w.list('[', ']', w.IntN(4), func(int) { w.junk(depth + 1) })
	case n == 1 && depth < 5:
		w.list('{', '}', w.IntN(4), func(i int) {
			w.text("key" + strconv.Itoa(i) + "-")
			w.blank()
			w.WriteByte(':')
			w.junk(depth + 1)
		})
	case n < 4:
		w.words()
	default:
		w.WriteString(w.one("null", "true", "false", "0", "-1", "1.5", "-0.25e+3", "1E9", "1767225600123", "12345678901234567890", "1e400"))
	}
}

func (w *eventWriter) list(open, end byte, n int, item func(i int)) {
	w.blank()
	w.WriteByte(open)
	for i := range n {
		if i > 0 {
			w.WriteByte(',')
		}
		w.blank()
		item(i)
		w.blank()
	}
	w.WriteByte(end)
	w.blank()
}

// object writes some of the fields, in any order; a value may be null or of another type.
func (w *eventWriter) object(fields map[string]func()) {
	names := slices.Sorted(maps.Keys(fields)) // the seed alone decides the order
	w.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	if w.rarely() {
		names = append(names, "Unknown")
	}
	w.list('{', '}', len(names), func(i int) {
		name := names[i]
		switch w.IntN(80) {
		case 0:
			w.text(strings.ToLower(name))
		case 1:
			w.text(strings.ReplaceAll(name, "s", "ſ"))
		default:
			w.WriteString(`"` + name + `"`)
		}
		w.blank()
		w.WriteByte(':')
		w.blank()
		write, known := fields[name]
		switch {
		case !known || w.IntN(150) == 0:
			w.junk(0)
		case w.rarely():
			w.WriteString("null")
		default:
			write()
		}
	})
}

func (w *eventWriter) time() {
	switch w.IntN(4) {
	case 0:
		w.junk(3)
	case 1:
		w.WriteString(w.one(`"2026-01-01T00:00:00.123456Z"`, `"2026-01-01 00:00:00.123456+02:00"`, `"2026-02-30T00:00:00Z"`))
	default:
		w.WriteString(strconv.FormatInt(w.Int64N(3e12), 10))
	}
}

func (w *eventWriter) failure() {
	w.object(map[string]func(){
		"ErrorType": w.words, "ErrorMessage": w.words, "ErrorData": w.words,
		"StackTrace": func() { w.list('[', ']', w.IntN(3), func(int) { w.words() }) },
	})
}

func (w *eventWriter) record() {
	details := w.one("ExecutionDetails", "ContextDetails", "StepDetails", "WaitDetails", "CallbackDetails", "ChainedInvokeDetails")
	w.object(map[string]func(){
		"Id":       func() { w.text("id" + strconv.Itoa(w.IntN(9))) },
		"ParentId": w.words, "Name": w.words,
		"SubType": func() { w.text(w.one("Step", "Map", "Callback", "Own")) },
		"Type": func() {
			w.WriteString(`"` + w.one("EXECUTION", "CONTEXT", "STEP", "WAIT", "CALLBACK", "CHAINED_INVOKE") + `"`)
		},
		"Status": func() {
			w.WriteString(`"` + w.one("STARTED", "PENDING", "READY", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT", "STOPPED") + `"`)
		},
		"StartTimestamp": w.time, "EndTimestamp": w.time,
		details: func() {
			w.object(map[string]func(){
				w.one("Result", "InputPayload"): w.words, "Error": w.failure, "CallbackId": w.words,
				"ReplayChildren": func() { w.WriteString(w.one("true", "false")) },
				"Attempt":        func() { w.WriteString(strconv.Itoa(w.IntN(5) - 1)) },
				w.one("NextAttemptTimestamp", "ScheduledEndTimestamp"): w.time,
			})
		},
	})
}

func (w *eventWriter) event() string {
	w.object(map[string]func(){
		"DurableExecutionArn": func() { w.text(arn) }, "CheckpointToken": func() { w.text(token) },
		"UpdatedOperationIds": func() { w.list('[', ']', w.IntN(3), func(int) { w.words() }) },
		"PerdureForkedFrom":   func() { w.list('[', ']', w.IntN(3), func(int) { w.words() }) },
		"InitialExecutionState": func() {
			w.object(map[string]func(){
				"Operations": func() { w.list('[', ']', w.IntN(4), func(int) { w.record() }) },
				"NextMarker": w.words,
			})
		},
	})
	s := []byte(w.String())
	if w.IntN(4) == 0 {
		s[w.IntN(len(s))] = w.one(`"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, `0`, `x`, " ", "\n", "\x00", "\xff")[0]
	}
	if w.IntN(20) == 0 {
		s = s[:w.IntN(len(s))]
	}
	return string(s)
}

func TestRandomEventsAreDecodedAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	p := properties(2000)
	decoded := 0
	p.Property("same records or both an error", prop.ForAll(func(seed uint64) string {
		w := eventWriter{Rand: rand.New(rand.NewPCG(seed, 0))}
		event := w.event()
		if ambiguous([]byte(event)) {
			return ""
		}
		got, err := checkpoint.DecodeInvocation([]byte(event))
		want, oracle := oracleDecode([]byte(event))
		switch {
		case (err == nil) != (oracle == nil):
			return fmt.Sprintf("error %v, encoding/json says %v, of\n%s", err, oracle, event)
		case err != nil:
			return ""
		}
		decoded++
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			return fmt.Sprintf("(-encoding/json +got):\n%s\nof %s", diff, event)
		}
		return ""
	}, gen.UInt64()))
	p.TestingRun(t)
	if decoded < draws.Count(400) {
		t.Errorf("only %d events could be decoded: the property says too little", decoded)
	}
}
