package guard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/guard"
	"github.com/perdure/perdure/retry"
)

type declined struct{ text string }

func (e *declined) Error() string { return e.text }

type bearable struct{ text string }

func (e *bearable) Error() string {
	if e == nil {
		return "nothing to say"
	}
	return e.text
}

type list []string

func (l list) Error() string { return l[0] }

// broken panics in the methods that its text names.
type broken string

func (e broken) Error() string {
	if strings.Contains(string(e), "Error") {
		panic("no text")
	}
	return "broken: " + string(e)
}

func (e broken) Is(error) bool {
	if strings.Contains(string(e), "Is") {
		panic("no Is")
	}
	return false
}

func (e broken) As(any) bool {
	if strings.Contains(string(e), "As") {
		panic("no As")
	}
	return false
}

func (e broken) Unwrap() error {
	if strings.Contains(string(e), "Unwrap") {
		panic("no Unwrap")
	}
	return nil
}

type endless struct{ io.Reader }

func (e *endless) Error() string { return "endless" }
func (e *endless) Unwrap() error { return e }

func nilDeclined() error { var e *declined; return e }

func TestSound(t *testing.T) {
	t.Parallel()
	const nilText = "panic: a function returned a nil *guard_test.declined as error, which is not nil: " +
		"runtime error: invalid memory address or nil pointer dereference; return nil itself if nothing failed"
	tests := []struct {
		reason string
		err    error
		want   string // its message
		as     string // the type in its place; empty if it stays
	}{
		{"an ordinary error stays", io.EOF, "EOF", ""},
		{"an error of a type stays", &declined{"no funds"}, "no funds", ""},
		{"a type that cannot be compared stays", list{"first"}, "first", ""},
		{"a nil pointer whose Error method panics names its type", nilDeclined(), nilText, "*guard.Panic"},
		{"a nil pointer with an Error method that takes it stays", (*bearable)(nil), "nothing to say", ""},
		{"a wrapper whose text is made is as it was", fmt.Errorf("charge: %w", nilDeclined()), "charge: <nil>", ""},
		{"a joined nil pointer is to blame, not errors.Join", errors.Join(io.EOF, nilDeclined()), nilText, "*guard.Panic"},
		{"a mark of retry stays around the error in its place", retry.Permanent(nilDeclined()), nilText, "*retry.permanentError"},
		{"the delay stays too", retry.After(time.Hour, nilDeclined()), nilText, "*retry.afterError"},
		{
			"a value whose Error method panics", broken("Error"),
			"panic: the method Error of the guard_test.broken that a function returned: no text", "*guard.Panic",
		},
		{
			"a nil slice whose Error method panics", list(nil),
			"panic: a function returned a nil guard_test.list as error, which is not nil: " +
				"runtime error: index out of range [0] with length 0; return nil itself if nothing failed", "*guard.Panic",
		},
		{"Is panics", broken("Is"), "broken: Is", "*guard.Mute"},
		{"As panics", broken("As"), "broken: As", "*guard.Mute"},
		{"Unwrap panics", broken("Unwrap"), "broken: Unwrap", "*guard.Mute"},
		{"Is of what it wraps panics", fmt.Errorf("outer: %w", broken("Is")), "outer: broken: Is", "*guard.Mute"},
		{"Is of a joined one panics", errors.Join(io.EOF, broken("Is")), "EOF\nbroken: Is", "*guard.Mute"},
		{"an error that wraps itself", &endless{}, "endless", "*guard.Mute"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got := guard.Sound(tt.err)
			if got.Error() != tt.want || guard.Text(tt.err) != tt.want {
				t.Errorf("Sound(err) says %q, Text(err) %q, want %q", got, guard.Text(tt.err), tt.want)
			}
			want := tt.as
			if want == "" {
				want = fmt.Sprintf("%T", tt.err)
			}
			if kind := fmt.Sprintf("%T", got); kind != want {
				t.Errorf("Sound(err) is a %s, want a %s", kind, want)
			}
			if sound := guard.IsSound(tt.err); sound != (tt.as == "") {
				t.Errorf("IsSound(err) is %v", sound)
			}
			if errors.Is(got, context.Canceled) {
				t.Error("it is found to be another error")
			}
			if p, ok := errors.AsType[*guard.Panic](got); ok && len(p.Stack) == 0 {
				t.Error("the stack of the panic is lost")
			}
		})
	}
}

func TestMuteKeepsTheTypeOfTheUsersError(t *testing.T) {
	t.Parallel()
	m, ok := errors.AsType[*guard.Mute](guard.Sound(retry.Permanent(fmt.Errorf("outer: %w", broken("As")))))
	if !ok || m.Type != "guard_test.broken" {
		t.Errorf("got %+v, %v", m, ok)
	}
}

func TestCallReturnsThePanicWithItsStack(t *testing.T) {
	t.Parallel()
	v, err := guard.Call(func() (int, error) { return 1 / zero(), nil })
	p, ok := err.(*guard.Panic) //nolint:errorlint // the very type
	if v != 0 || !ok || p.Value != "runtime error: integer divide by zero" || !strings.Contains(strings.Join(p.Stack, "\n"), "guard_test.zero") &&
		!strings.Contains(strings.Join(p.Stack, "\n"), "TestCallReturnsThePanic") {
		t.Errorf("got %d, %#v", v, err)
	}
}

func zero() int { return 0 }

// rude is a handler that panics in the method that its text names.
type rude string

func (h rude) Enabled(context.Context, slog.Level) bool {
	if h == "Enabled" {
		panic(h)
	}
	return true
}

func (h rude) Handle(context.Context, slog.Record) error {
	if h == "Handle" {
		panic(h)
	}
	return nil
}

func (h rude) WithAttrs([]slog.Attr) slog.Handler {
	if h == "WithAttrs" {
		panic(h)
	}
	if h == "nil" {
		return nil
	}
	return h
}

func (h rude) WithGroup(string) slog.Handler {
	if h == "WithGroup" {
		panic(h)
	}
	return h
}

func TestHandlerLosesARecordAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, method := range []rude{"", "Enabled", "Handle", "WithAttrs", "WithGroup", "nil"} {
		slog.New(guard.Handler(method)).With("a", 1).WithGroup("g").Info("message", "b", 2) //nolint:sloglint // as users do
		h := guard.Handler(method).WithAttrs(nil).WithGroup("g")
		if on := h.Enabled(t.Context(), slog.LevelInfo); on == (method == "Enabled") {
			t.Errorf("%q: Enabled is %v", method, on)
		}
		if err := h.Handle(t.Context(), slog.Record{}); (err != nil) != (method == "Handle") {
			t.Errorf("%q: Handle returned %v", method, err)
		}
	}
}
