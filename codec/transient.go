package codec

import (
	"context"
	"syscall"
)

// Transient marks err as a failure for now: a key service that is late, an object that is not there
// yet. Whoever runs the conversion may repeat it. The text and the tree of err stay as they are;
// Transient(nil) is nil.
func Transient(err error) error {
	return mark(err, true)
}

// Permanent marks err as a failure for good, also where its kind would be one for now: see
// [IsTransient]. The text and the tree of err stay as they are; Permanent(nil) is nil.
func Permanent(err error) error {
	return mark(err, false)
}

// IsTransient reports whether a conversion that failed with err may succeed when it is repeated.
// These rules are applied to err, and then to what it wraps:
//
//   - If it was made by [Transient] or [Permanent], or has a method Transient() bool, that is the
//     answer.
//   - If it is an [*Error], its field Transient is the answer.
//   - If it is [context.Canceled] or [context.DeadlineExceeded], the answer is true: the invocation
//     ends, the value stays.
//   - If a method Timeout() bool or Temporary() bool returns true, the answer is true. Errors of
//     package net have both, and so have error codes of the operating system, as for an interrupted
//     call or too many open files.
//   - If it is the error code of a connection that is refused or broken, or of a host or network
//     that cannot be reached, the answer is true.
//   - If it wraps several errors, the answer is false if it is for good for one of them, and true
//     if it is for now for one of them.
//   - Otherwise what it wraps decides, and if it wraps nothing, the answer is false.
//
// The answer is false for nil, for a codec that panics, and for an error whose own methods panic.
// The first 1,000 errors of a tree are looked at.
func IsTransient(err error) (yes bool) {
	defer func() {
		if recover() != nil {
			yes = false
		}
	}()

	return classify(err) == forNow
}

// verdict is what is known of an error.
type verdict int

const (
	unknown verdict = iota
	forNow
	forGood
)

// marked is an error with a verdict.
type marked struct {
	error

	transient bool
}

func mark(err error, transient bool) error {
	if err == nil {
		return nil
	}

	return marked{err, transient}
}

// Transient is the verdict.
func (m marked) Transient() bool {
	return m.transient
}

// Unwrap returns the error as it was.
func (m marked) Unwrap() error {
	return m.error
}

// mostErrors bounds how many errors of a tree are looked at: one that wraps itself has no end.
const mostErrors = 1000

// classify applies the rules of IsTransient.
func classify(err error) verdict {
	left := mostErrors

	return classifyWithin(err, &left)
}

// classifyWithin is classify for at most left errors.
func classifyWithin(err error, left *int) verdict {
	if *left--; *left < 0 {
		return unknown
	}

	switch e := err.(type) { //nolint:errorlint // it walks the tree itself: the outermost verdict counts
	case nil:
		return unknown
	case interface{ Transient() bool }:
		return settled(e.Transient())
	case *Error:
		return settled(e != nil && e.Transient)
	}

	if passing(err) {
		return forNow
	}

	switch e := err.(type) { //nolint:errorlint // the walk
	case interface{ Unwrap() error }:
		return classifyWithin(e.Unwrap(), left)
	case interface{ Unwrap() []error }:
		all := unknown
		for _, inner := range e.Unwrap() {
			all = max(all, classifyWithin(inner, left))
		}

		return all
	}

	return unknown
}

func settled(transient bool) verdict {
	if transient {
		return forNow
	}

	return forGood
}

// passing reports whether err itself is of a kind that passes.
func passing(err error) bool {
	switch err { //nolint:errorlint // classify walks the tree
	case context.Canceled, context.DeadlineExceeded, syscall.ECONNREFUSED, syscall.ECONNRESET,
		syscall.ECONNABORTED, syscall.EPIPE, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN:
		return true
	}

	if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() {
		return true
	}

	e, ok := err.(interface{ Temporary() bool })

	return ok && e.Temporary()
}
