package codec

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// KnownError names errors, so that a recorded failure keeps its identity: errors.Is and errors.As
// give the same answer when the operation has just failed and when a replay reads the failure from
// the log. [Sentinel] and [ErrorType] make one. The zero value is not valid: it matches nothing,
// and Err reports it.
type KnownError struct {
	name    string
	of      any // the sentinel, or a nil pointer to the type of the error
	match   func(err error) (data string, ok bool)
	restore func(data string) error
	old     []string // former names
	err     error
}

// Sentinel names one error value, for which errors.Is then answers the same live and on replay.
//
// The name is what the log holds and what functions in other languages may send: keep it for as
// long as executions run. It has 1 to 256 printable ASCII characters; a bad name and a nil err are
// reported by [KnownError.Err].
func Sentinel(name string, err error) KnownError {
	k := KnownError{name: name, of: err, err: checkName(name)}
	if err == nil {
		k.err = errors.Join(k.err, fmt.Errorf("codec: Sentinel %q: the error is nil: pass the value that errors.Is looks for", name))
	}

	k.match = func(in error) (string, bool) { return "", errors.Is(in, err) }
	k.restore = func(string) error { return err }

	return k
}

// ErrorType names the errors of type E, for which errors.As then finds an equal value live and on
// replay.
//
// The value is recorded as JSON: unexported fields are lost, and so are fields that encoding/json
// cannot decode, such as a cause of type error. If the value cannot be encoded at all, its type
// alone is kept and the restored value is a zero E. E is a struct or a pointer to one; a restored
// pointer is never nil.
//
// The name follows the rules of [Sentinel]. A bad name, and an interface for E, are reported by
// [KnownError.Err].
func ErrorType[E error](name string) KnownError {
	k := KnownError{name: name, of: (*E)(nil), err: checkName(name)}

	var zero E
	if any(zero) == nil {
		k.err = errors.Join(k.err, fmt.Errorf("codec: ErrorType %q: %s is an interface: name a type that implements it", name, typeName[E]()))
	}

	k.match = func(in error) (string, bool) {
		e, ok := errors.AsType[E](in)
		if !ok {
			return "", false
		}

		return errorData(e), true
	}
	k.restore = func(data string) error { return restoreAs[E](data) }

	return k
}

// Renamed returns k, which is recorded under its name and also restored from records that have the
// name old. It is for a registration that is given another name while executions run that have
// failed under the former one:
//
//	replay.WithErrors(codec.Renamed("declined", codec.Sentinel("card-declined", ErrDeclined)))
//
// Without it errors.Is and errors.As find nothing in those failures, and the code goes another way.
// It may be applied again for an older name. old follows the rules of [Sentinel] and must not be
// the name of another registration; both are reported by [KnownError.Err] and [ValidateKnown].
func Renamed(old string, k KnownError) KnownError {
	k.old = append(slices.Clone(k.old), old)
	k.err = errors.Join(k.err, checkName(old))

	return k
}

// Reads reports whether records of this name are restored as k: the name given at registration, and
// those of [Renamed].
func (k KnownError) Reads(name string) bool {
	return name == k.name || slices.Contains(k.old, name)
}

// Name returns the name given at registration.
func (k KnownError) Name() string {
	return k.name
}

// Err reports a registration that is not valid: a name that is empty, longer than 256 bytes or not
// printable ASCII, a nil sentinel, an interface as error type, or the zero KnownError.
func (k KnownError) Err() error {
	if k.match == nil {
		return errors.New("codec: the zero KnownError names no error: make it with codec.Sentinel or codec.ErrorType")
	}

	return k.err
}

// Match reports whether err's tree holds an error of this name, and returns what Restore needs to
// make it again. An invalid registration matches nothing, and neither does an error whose own
// methods panic.
func (k KnownError) Match(err error) (data string, ok bool) {
	if err == nil || !k.valid() {
		return "", false
	}

	defer func() {
		if recover() != nil {
			data, ok = "", false
		}
	}()

	return k.match(err)
}

// Restore returns the error that data describes: the very sentinel, or a fresh value of the type.
// Data that is empty or cannot be decoded gives the zero value, or a pointer to it. An invalid
// registration restores nil.
func (k KnownError) Restore(data string) error {
	if !k.valid() {
		return nil
	}

	return k.restore(data)
}

// ValidateKnown reports what is wrong with registrations that hold together: invalid ones, and two
// errors of one name, of which a recorded failure could only be restored as the first. The same
// registration may be there twice, and an error may have several names.
func ValidateKnown(known ...KnownError) error {
	var errs []error

	names := make(map[string]KnownError, len(known))

	for _, k := range known {
		if err := k.Err(); err != nil {
			errs = append(errs, err)
			continue
		}

		for _, name := range append([]string{k.name}, k.old...) {
			first, found := names[name]
			if !found {
				names[name] = k
				continue
			}

			if !first.same(k) {
				errs = append(errs, fmt.Errorf("codec: the name %q is registered for two errors: "+
					"a recorded failure would be restored as the first; give one of them another name", name))
			}
		}
	}

	return errors.Join(errs...)
}

// same reports whether k is for the same error.
func (k KnownError) same(other KnownError) (same bool) {
	defer func() {
		if recover() != nil {
			same = true // two errors of a type that Go cannot compare: what is not known is not reported
		}
	}()

	return k.of == other.of
}

func (k KnownError) valid() bool {
	return k.match != nil && k.err == nil
}

// checkName enforces the limits of an operation's name, which readers of the log already know.
func checkName(name string) error {
	const limit = 256

	printable := strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	if name == "" || len(name) > limit || !printable {
		return fmt.Errorf("codec: name %q of a known error: use 1 to %d printable ASCII characters", name, limit)
	}

	return nil
}

// errorData returns e as JSON, or nothing if that is impossible.
func errorData(e any) (data string) {
	defer func() {
		if recover() != nil {
			data = ""
		}
	}()

	p, err := marshal(e)
	if err != nil || !utf8.Valid(p) {
		return ""
	}

	return string(p)
}

// restoreAs decodes data into a fresh E. What does not decode stays zero.
func restoreAs[E error](data string) E {
	var e E

	null := strings.TrimSpace(data) == "null" // would make a pointer nil
	if null || !unmarshal(data, &e) {
		unmarshal("{}", &e) // allocates a pointer that is still nil
	}

	return e
}

// unmarshal reports whether data could be decoded without an error and without a panic.
func unmarshal(data string, v any) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()

	return json.Unmarshal([]byte(data), v) == nil
}
