package seal

import (
	"context"
	"errors"
	"fmt"
)

// Keyring holds keys. Its methods are called by several goroutines at once, for each payload: it
// keeps what costs time.
//
// A key service that does not answer is reported with [codec.Transient], or by an error that is
// transient by itself.
//
// A keyring that never waits may say so by a method Pure() bool that returns true; [Static] does.
// One that keeps keys for a while must not: it cannot know before a payload is read whether it has
// to ask for a key.
//
// [codec.Transient]: https://pkg.go.dev/github.com/perdure/perdure/codec#Transient
type Keyring interface {
	// SealingKey returns the key that payloads of that origin are sealed with now.
	SealingKey(ctx context.Context, o Origin) (*Key, error)
	// OpeningKey returns the key with that ID, or [ErrNoKey]. Neither the ID nor the origin is
	// authenticated yet.
	OpeningKey(ctx context.Context, o Origin, id string) (*Key, error)
}

// Static returns a keyring that seals with one key, and opens with this and the others. To rotate,
// deploy the new key as one of the others first; when all code that runs can open with it, seal
// with it and keep the old one for as long as executions need it.
//
// Every conversion fails if a key is nil or if two have one ID.
func Static(sealing *Key, others ...*Key) Keyring {
	s := &static{sealing: sealing, byID: map[string]*Key{}}

	for _, k := range append([]*Key{sealing}, others...) {
		switch {
		case k == nil:
			s.err = errors.New("seal.Static: a key is nil")
		case s.byID[k.id] != nil:
			s.err = fmt.Errorf("seal.Static: two keys have the ID %s: an ID belongs to one secret", k)
		default:
			s.byID[k.id] = k
		}
	}

	return s
}

type static struct {
	sealing *Key
	byID    map[string]*Key
	err     error
}

// Pure says that keys in memory are there at once.
func (s *static) Pure() bool { return true }

// SealingKey returns the first key.
func (s *static) SealingKey(context.Context, Origin) (*Key, error) {
	return s.sealing, s.err
}

// OpeningKey returns the key with that ID.
func (s *static) OpeningKey(_ context.Context, _ Origin, id string) (*Key, error) {
	if s.err != nil {
		return nil, s.err
	}

	k := s.byID[id]
	if k == nil {
		return nil, missing(id)
	}

	return k, nil
}

func missing(id string) error {
	return fmt.Errorf("%w: %s: add it for as long as executions have payloads that are sealed with it", ErrNoKey, printable(id))
}
