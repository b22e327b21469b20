// Package guard calls what users supply: their functions, and the methods of their values. What
// they do wrong becomes a value that the caller can record.
//
//  1. If a function panics, the error is a [*Panic] with the stack.
//  2. Otherwise, if it returns an error whose Error method panics, as that of a nil pointer does,
//     the error is a [*Panic] that names the type.
//  3. Otherwise, if the methods Is, As or Unwrap of the error or of one that it wraps panic, or its
//     tree has no end, the error is a [*Mute] with its text.
//  4. Otherwise the error is what the function returned.
//
// A function that ends its goroutine (runtime.Goexit) cannot be stopped: the call does not return.
// A caller that must know it notes what it calls before and looks at it when its goroutine ends.
package guard

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/internal/stacks"
	"github.com/perdure/perdure/retry"
)

// Panic is a panic of a user's function.
type Panic struct { //nolint:errname // it becomes op.PanicError
	// Value is the value of the panic, printed.
	Value string
	// Stack is where it happened, a line each.
	Stack []string
}

// Error says that it was a panic, and with which value.
func (p *Panic) Error() string { return "panic: " + p.Value }

// Mute is an error whose methods other than Error cannot be called.
type Mute struct { //nolint:errname // it stands for the error of a user
	// Text is its message, Type the name of its type as fmt prints it.
	Text, Type string
}

// Error returns the message.
func (m *Mute) Error() string { return m.Text }

// Recovered describes a panic that was recovered. It is called by the deferred function that has
// recovered it: the stack is that of the panic then, and begins with the call that panicked.
func Recovered(v any) *Panic {
	return &Panic{Value: fmt.Sprint(v), Stack: Lines(stacks.FromPanic(debug.Stack()))}
}

// Lines splits a stack for the wire.
func Lines(stack []byte) []string {
	const most = 64
	lines := strings.Split(strings.TrimRight(string(stack), "\n"), "\n")
	lines = slices.Clone(lines[:min(len(lines), most)])
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}

// Call runs f. Its error is one whose methods can be called.
func Call[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			var zero T
			v, err = zero, Recovered(p)
		}
	}()
	if v, err = f(); err != nil {
		err = Sound(err)
	}
	return v, err
}

// Sound returns err if its methods can be called, else an error in its place. The marks of package
// retry around it stay.
func Sound(err error) (sound error) {
	if err == nil {
		return nil
	}
	if p := unreadable(err); p != nil {
		return marked(err, p)
	}
	if !readable(err) {
		return marked(err, &Mute{Text: err.Error(), Type: fmt.Sprintf("%T", innermost(err))})
	}
	return err
}

// IsSound reports whether the methods of err, and of all that it wraps, can be called. Those of nil
// need not be.
func IsSound(err error) bool { return err == nil || unreadable(err) == nil && readable(err) }

// Text returns the message of err, also if its Error method panics.
func Text(err error) string {
	if p := unreadable(err); p != nil {
		return p.Error()
	}
	return err.Error()
}

// Unwrap returns what err wraps. An error whose Unwrap method panics wraps nothing.
func Unwrap(err error) (below []error) {
	defer func() {
		if recover() != nil {
			below = nil
		}
	}()
	switch e := err.(type) { //nolint:errorlint // one level at a time
	case interface{ Unwrap() error }:
		if in := e.Unwrap(); in != nil {
			below = []error{in}
		}
	case interface{ Unwrap() []error }:
		below = slices.DeleteFunc(slices.Clone(e.Unwrap()), func(in error) bool { return in == nil })
	}
	return below
}

// unreadable calls the Error method of err. If it panics, it describes the innermost error that is
// to blame: a wrapper has only passed the question on.
func unreadable(err error) *Panic { return unreadableWithin(err, mostErrors) }

func unreadableWithin(err error, depth int) (p *Panic) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		p = Recovered(v)
		for _, in := range Unwrap(err) {
			if depth == 0 {
				break
			}
			if deeper := unreadableWithin(in, depth-1); deeper != nil {
				p = deeper
				return
			}
		}
		if fmt.Sprintf("%p", err) == "0x0" {
			p.Value = fmt.Sprintf("a function returned a nil %T as error, which is not nil: %s; return nil itself if nothing failed",
				err, p.Value)
			return
		}
		p.Value = fmt.Sprintf("the method Error of the %T that a function returned: %s", err, p.Value)
	}()
	_ = err.Error()
	return nil
}

// mostErrors bounds how many errors a tree may have: one that wraps itself has no end.
const mostErrors = 1000

// readable calls the methods of err, and of all that it wraps, that errors.Is and errors.As call.
func readable(err error) bool {
	left := []error{err}
	for n := 0; len(left) > 0; n++ {
		e := left[len(left)-1]
		left = left[:len(left)-1]
		if n == mostErrors || !probed(e) {
			return false
		}
		left = append(left, Unwrap(e)...)
	}
	return true
}

// probe is an error that none is, to ask with.
type probe struct{}

func (*probe) Error() string { return "guard: a probe, not an error" }

// probed reports whether the methods of one error can be called.
func probed(err error) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if e, has := err.(interface{ Is(target error) bool }); has {
		e.Is(&probe{})
	}
	if e, has := err.(interface{ As(target any) bool }); has {
		var target *probe
		e.As(&target)
	}
	switch e := err.(type) { //nolint:errorlint // one level at a time
	case interface{ Unwrap() error }:
		_ = e.Unwrap()
	case interface{ Unwrap() []error }:
		_ = e.Unwrap()
	}
	return true
}

// innermost takes off what package retry, fmt and errors have put around an error.
func innermost(err error) error {
	for range mostErrors {
		err = retry.Strip(err)
		name := fmt.Sprintf("%T", err)
		if !strings.HasPrefix(name, "*fmt.") && !strings.HasPrefix(name, "*errors.") {
			break
		}
		below := Unwrap(err)
		if len(below) == 0 {
			break
		}
		err = below[0]
	}
	return err
}

// marked puts the marks of package retry that err holds around the error that takes its place.
func marked(err, instead error) error {
	var delay time.Duration
	var delayed, permanent bool
	left := []error{err}
	for n := 0; n < mostErrors && len(left) > 0; n++ {
		e := left[0]
		left = append(left[1:], Unwrap(e)...)
		switch kind := fmt.Sprintf("%T", e); {
		case kind == fmt.Sprintf("%T", retry.Permanent(instead)):
			permanent = true
		case kind == fmt.Sprintf("%T", retry.After(0, instead)) && !delayed:
			delay, delayed = retry.DelayOf(e)
		}
	}
	if delayed {
		instead = retry.After(delay, instead)
	}
	if permanent {
		instead = retry.Permanent(instead)
	}
	return instead
}
