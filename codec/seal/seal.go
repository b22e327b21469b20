// Package seal encrypts payloads, and binds each to the place in the log that it was written for.
//
// [New] makes a transform for [codec.Chain]. It encrypts with AES-256-GCM under a key of a
// [Keyring], and writes before the encrypted bytes, in plain text, the ID of the key and the
// [Origin] of the payload: execution, function of an invoke, operation and part. The origin and the
// names of the transforms before are authenticated with the payload.
//
// A payload is opened by these rules, in order:
//
//   - If it was cut off, or is of a later version of this package, opening fails.
//   - Otherwise, if its origin is none that its place in the log may have, opening fails with
//     [ErrMoved]: see [Origin.Fits].
//   - Otherwise, if the keyring does not have the key, opening fails with the keyring's error.
//   - Otherwise, if a bit of it is not as it was sealed, opening fails with [ErrChanged].
//   - Otherwise the payload is what was sealed.
//
// Failures are permanent, except those that the keyring reports as transient.
//
// [Static] holds keys in memory and [File] reads them from a file, for one machine; module
// github.com/perdure/perdure/codec/awskms has them made and opened by AWS KMS.
//
// A payload that was not sealed is read as it stands, so that executions that began before are not
// lost. Once they have ended, [codec.Required] refuses plain payloads.
//
// What this does not do: it does not hide how long a payload is; it does not notice that the state
// of an operation was put back to what an earlier attempt recorded, nor that the results of two
// invokes of one function, or two inputs of one function, were exchanged; it does not seal names
// and times.
package seal

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/codec"
)

// The reasons why a payload is refused.
var (
	// ErrMoved says that a payload was sealed for another place in the log.
	ErrMoved = errors.New("the payload was sealed for another place")
	// ErrChanged says that a payload, its origin or what it names is not as it was sealed, or that
	// the key is another one.
	ErrChanged = errors.New("the payload is not as it was sealed")
	// ErrNoKey says that a keyring does not have a key. A rehearsal cannot decide what depends on
	// such a payload.
	ErrNoKey error = noKeyError{}
)

// noKeyError is the type of [ErrNoKey].
type noKeyError struct{}

func (noKeyError) Error() string { return "the keyring does not have the key" }

// Closed says to whoever rehearses a log that nothing is known of the payload: another keyring may
// open it.
func (noKeyError) Closed() bool { return true }

// New returns a transform that seals payloads with the keys of k. Its name is seal. It applies to
// all payloads, adds about 190 bytes to each (the origin, the ID of the key, and 28 bytes of
// AES-GCM), and belongs behind transforms that make payloads smaller and before those that keep
// them elsewhere.
//
// Sealing fails with a permanent error if k is nil, or if the place does not name the execution.
func New(k Keyring) codec.Transform {
	return sealer{k}
}

type sealer struct {
	keys Keyring
}

func (sealer) Name() string { return "seal" }

// Pure reports whether the keys are in memory. AES-GCM and base64 then add at most about half to
// the time that JSON takes, which is not worth handing over the turn. A keyring that may wait is
// asked beside the code of the handler.
func (s sealer) Pure() bool {
	p, ok := s.keys.(interface{ Pure() bool })
	return s.keys == nil || ok && p.Pure()
}

func (s sealer) Apply(ctx context.Context, at codec.Stage, p []byte) ([]byte, bool, error) {
	o := OriginOf(at.Meta)

	switch {
	case s.keys == nil:
		return nil, false, errors.New("seal.New: the keyring is nil")
	case o.Execution == "":
		return nil, false, errors.New("seal: a payload is bound to its execution, and codec.Meta does not name one")
	}

	k, err := s.keys.SealingKey(ctx, o)
	if err != nil {
		return nil, false, fmt.Errorf("seal: get the key to seal with: %w", err)
	}

	if k == nil {
		return nil, false, errors.New("seal: the keyring returned no key to seal with")
	}

	h := header{key: k.id, origin: o}
	out := h.append(make([]byte, 0, h.size()+len(p)+k.aead.Overhead()))

	return k.aead.Seal(out, nil, p, additional(out, at.Through)), true, nil //nolint:gosec // it draws the nonce itself
}

func (s sealer) Revert(ctx context.Context, at codec.Stage, p []byte) ([]byte, error) {
	if s.keys == nil {
		return nil, errors.New("seal.New: the keyring is nil")
	}

	h, n, err := parseHeader(p)
	if err != nil {
		return nil, err
	}

	if !h.origin.Fits(at.Meta) {
		return nil, fmt.Errorf("seal: %w: for %s, and it stands at %s", ErrMoved, h.origin, OriginOf(at.Meta))
	}

	k, err := s.keys.OpeningKey(ctx, h.origin, h.key)
	if err != nil {
		return nil, fmt.Errorf("seal: get the key of %s: %w", h.origin, err)
	}

	if k == nil {
		return nil, fmt.Errorf("seal: get the key of %s: %w", h.origin, ErrNoKey)
	}

	if len(p)-n < k.aead.Overhead() {
		return nil, fmt.Errorf("seal: %w: it was cut off", ErrChanged)
	}

	out, err := k.aead.Open(nil, nil, p[n:], additional(p[:n], at.Through))
	if err != nil {
		return nil, fmt.Errorf("seal: %w (%s): it was changed, or key %s is another one now", ErrChanged, h.origin, k)
	}

	return out, nil
}
