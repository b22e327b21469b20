package demo

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/perdure/perdure/op"
)

// logs is a slog.Handler that gives the printer what bodies and handlers log.
type logs struct{ p *printer }

// Enabled leaves out warnings and errors: the library logs what fails, which has its line already.
func (logs) Enabled(_ context.Context, l slog.Level) bool { return l < slog.LevelWarn }

// Handle takes a record. What a body logs stands on the line that says that it has run.
func (l logs) Handle(ctx context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	if info, ok := op.InfoFrom(ctx); ok {
		l.p.body(info.Path, text)
		return nil
	}
	l.p.line("logged", "", text)
	return nil
}

// WithAttrs drops the attributes that are the same on every line.
func (l logs) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l logs) WithGroup(string) slog.Handler { return l }

// short is a path without what it repeats: the name of an operand in front of what runs in it, and
// the timer of an op.Timeout.
func short(path string) string {
	end := strings.LastIndex(path, "]/")
	begin := strings.LastIndex(path[:max(end, 0)], "[")
	if begin < 0 {
		return path
	}
	switch name := path[end+2:]; {
	case path[begin+1:end] != name:
		return path
	case strings.HasSuffix(name, "-timer"):
		return path[:begin]
	default:
		return path[:begin] + "/" + name
	}
}

// count is a number with its noun; empty for none.
func count(n int, noun string) string {
	switch {
	case n == 0:
		return ""
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "ry"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}

// join lists what is not empty.
func join(texts []string) string {
	var some []string
	for _, t := range texts {
		if t != "" {
			some = append(some, t)
		}
	}
	return strings.Join(some, ", ")
}

// span is a duration as people say it: its two largest units.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day:
		return join([]string{count(int(d/day), "day"), count(int(d%day/time.Hour), "hour")})
	case d >= time.Hour:
		return join([]string{count(int(d/time.Hour), "hour"), count(int(d%time.Hour/time.Minute), "minute")})
	default:
		return d.Round(time.Second).String()
	}
}
