package replay_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/replay"
)

// traceLogs notes log records.
type traceLogs struct{ r *traceRun }

func (h traceLogs) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h traceLogs) Handle(_ context.Context, rec slog.Record) error {
	h.r.beside("log %s %s", rec.Level, rec.Message)
	return nil
}

func (h traceLogs) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h traceLogs) WithGroup(string) slog.Handler      { return h }

// scriptError begins the output of an input that could not be carried out.
const scriptError = "SCRIPT: "

// playTrace carries out a whole script and returns it with what comes of it.
func playTrace(t *testing.T, script *traceScript) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(script.head)
	synctest.Test(t, func(t *testing.T) {
		r := newTraceRun()
		defer r.crash()
		for _, in := range script.inputs {
			fmt.Fprintf(&b, "\n%s\n", in)
			line, rest, _ := strings.Cut(in, "\n")
			if word, args, _ := strings.Cut(line, " "); word == "program" {
				body, err := parseTrace(rest)
				if err != nil {
					t.Errorf("%s: %v", in, err)
					return
				}
				r.program, r.fn = body, nil
				r.opts = traceOptions(args)
				continue
			}
			text, err := r.input(line)
			if err != nil {
				text = scriptError + err.Error() + "\n"
			}
			b.WriteString("----\n" + text)
		}
	})
	return b.String()
}

// traceOptions are the options of a handler.
func traceOptions(args string) (opts []replay.HandlerOption) {
	for a := range strings.FieldsSeq(args) {
		switch a {
		case "hold":
			opts = append(opts, replay.WithDivergence(replay.DivergenceHold))
		case "margin":
			opts = append(opts, replay.WithDeadlineMargin(5*time.Second), replay.WithMaxInterruptions(1))
		default:
			panic("no option " + a)
		}
	}
	return opts
}
