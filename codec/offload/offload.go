// Package offload keeps large payloads outside of the log, which then holds where they are and what
// they hash to.
//
// [New] makes a transform for [codec.Chain]. It puts payloads from a threshold on into a [Store],
// under the scope of their execution and the SHA-256 of their bytes, before they are recorded. On
// reading:
//
//   - If the reference was written for another place in the log, the failure is [ErrMoved], for
//     good: its own one; in a fork, that in the execution it was forked from; for the input of a
//     handler, the input of a function; and for what an invoke returns, the end of an execution of
//     the function. What is sealed is not compared: package seal does so.
//   - Otherwise, if the store does not have the object, the failure is [ErrAbsent]: for now until
//     some time after it was written, then for good.
//   - Otherwise, if the store fails, its error decides: see [codec.IsTransient].
//   - Otherwise, if the object is not the one that was written, the failure is [ErrMismatch], for
//     good.
//   - Otherwise the payload is the object.
//
// The record holds, in plain text, hash, length and time of the object, its scope, and the first
// bytes of a payload that no transform changed before, as a preview. Where payloads are secret,
// package seal belongs before this one: it leaves no preview, and the hash says nothing of the
// content.
//
// Package filestore keeps objects in a folder; module github.com/perdure/perdure/codec/s3store
// keeps them in Amazon S3. [Collect] removes those that no execution needs any more.
package offload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/perdure/perdure/codec"
)

// The reasons why an object cannot be read.
var (
	// ErrAbsent says that a store does not have an object.
	ErrAbsent = errors.New("the object is not there")
	// ErrMismatch says that the bytes of an object are not those that were written.
	ErrMismatch = errors.New("the object is not the one that was written")
)

// Key names an object.
type Key struct {
	// Scope is that of the execution that wrote the object: see [Scope]. It has the characters A–Z
	// a–z 0–9 - _ alone.
	Scope string
	// Hash is the SHA-256 of the object's bytes, in 64 hexadecimal digits.
	Hash string
}

// String returns scope/hash.
func (k Key) String() string {
	return k.Scope + "/" + k.Hash
}

// Store keeps objects. Its methods are called by several goroutines at once.
type Store interface {
	// Put keeps the object for good before it returns. The same key always comes with the same
	// bytes, also again.
	Put(ctx context.Context, k Key, object []byte) error
	// Get returns the object, which has size bytes if it is the right one; of a longer one it may
	// return the first size + 1 bytes. The error is [fs.ErrNotExist] if there is none.
	Get(ctx context.Context, k Key, size int64) ([]byte, error)
}

// Option is an option of [New].
type Option interface{ apply(o *offloader) }

type option func(o *offloader)

func (f option) apply(o *offloader) { f(o) }

// WithThreshold offloads payloads of at least that number of bytes. The default is 131072, so that
// a group stays under the 256 KiB from which its body is run again; zero, and less, offload all.
func WithThreshold(bytes int) Option {
	return option(func(o *offloader) { o.threshold = bytes })
}

// WithPreview leaves at most that number of bytes of a payload in its record, if it is text that no
// transform changed before. The default is 128; zero, and less, leave none.
func WithPreview(bytes int) Option {
	return option(func(o *offloader) { o.preview = bytes })
}

// WithPatience has an absent object fail for now until d after it was written, and for good later:
// copies to another region take time. The default is 15 minutes; with zero, and less, absence is
// for good at once.
func WithPatience(d time.Duration) Option {
	return option(func(o *offloader) { o.patience = d })
}

// WithClock takes the time from now instead of the system: for tests. Nil means the system.
func WithClock(now func() time.Time) Option {
	return option(func(o *offloader) { o.now = now })
}

// AnyPlace reads references wherever they stand: for programs that show records, and do not know
// which operation has written what a batch or a group passes on. The default is that a reference
// fails with [ErrMoved] where it was not written for.
func AnyPlace() Option {
	return option(func(o *offloader) { o.anywhere = true })
}

// New returns a transform that keeps payloads in s. Its name is offload. It belongs behind all
// other transforms: what is kept is what they made, and [Collect] finds its references in the log.
//
// Writing fails with a permanent error if s is nil, or if the place does not name the execution.
func New(s Store, opts ...Option) codec.Transform {
	o := &offloader{store: s, threshold: 128 << 10, preview: 128, patience: 15 * time.Minute}
	for _, opt := range opts {
		opt.apply(o)
	}

	if o.now == nil {
		o.now = time.Now //nolint:forbidigo // the age of an object decides what a failure is called, not what a replay does
	}

	return o
}

type offloader struct {
	store     Store
	threshold int
	preview   int
	patience  time.Duration
	anywhere  bool
	now       func() time.Time
}

func (o *offloader) Name() string { return "offload" }

// Apply keeps p in the store if it is long enough, and returns the reference to it.
func (o *offloader) Apply(ctx context.Context, at codec.Stage, p []byte) ([]byte, bool, error) {
	if len(p) < o.threshold {
		return nil, false, nil
	}

	switch {
	case o.store == nil:
		return nil, false, errors.New("offload.New: the store is nil")
	case at.Meta.ExecutionARN == "":
		return nil, false, errors.New("offload: an object belongs to its execution, and codec.Meta does not name one")
	}

	sum := sha256.Sum256(p)
	r := reference{
		key:     Key{Scope: Scope(at.Meta.ExecutionARN), Hash: hex.EncodeToString(sum[:])},
		size:    int64(len(p)),
		written: o.now().Unix(),
		place:   placeOf(at.Meta),
	}

	if at.Through == "" {
		r.preview = head(p, o.preview)
	}

	if err := o.store.Put(ctx, r.key, p); err != nil {
		return nil, false, fmt.Errorf("offload: put object %s of %s: %w", r.key, place(at.Meta), err)
	}

	return r.append(nil), true, nil
}

// Revert returns the object that p refers to.
func (o *offloader) Revert(ctx context.Context, at codec.Stage, p []byte) ([]byte, error) {
	if o.store == nil {
		return nil, errors.New("offload.New: the store is nil")
	}

	r, err := parseReference(p)
	if err != nil {
		return nil, err
	}

	// What is sealed says itself where it belongs, and cannot be forged.
	if !o.anywhere && !slices.Contains(strings.Split(at.Through, ","), "seal") && !r.fits(at.Meta) {
		return nil, fmt.Errorf("offload: %w: object %s is not that of %s of execution %q", ErrMoved, r.key, place(at.Meta), at.Meta.ExecutionARN)
	}

	object, err := o.store.Get(ctx, r.key, r.size)

	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, o.absent(at.Meta, r)
	case err != nil:
		return nil, fmt.Errorf("offload: get object %s of %s: %w", r.key, place(at.Meta), err)
	}

	if int64(len(object)) != r.size {
		return nil, fmt.Errorf("offload: %w: object %s of %s has %d bytes, and %d were written: restore it from a copy",
			ErrMismatch, r.key, place(at.Meta), len(object), r.size)
	}

	if sum := sha256.Sum256(object); hex.EncodeToString(sum[:]) != r.key.Hash {
		return nil, fmt.Errorf("offload: %w: object %s of %s has the hash %x: restore it from a copy",
			ErrMismatch, r.key, place(at.Meta), sum)
	}

	return object, nil
}

// absent returns the failure for an object that is not there. It wraps no error of the store: its
// age decides.
func (o *offloader) absent(m codec.Meta, r reference) error {
	written := time.Unix(r.written, 0)

	if age := o.now().Sub(written); age < o.patience {
		return codec.Transient(fmt.Errorf("offload: %w: object %s of %s, written %v ago: it may still arrive",
			ErrAbsent, r.key, place(m), age.Truncate(time.Second)))
	}

	return codec.Permanent(fmt.Errorf("offload: %w: object %s of %s, written at %s: it was lost, or removed while it was "+
		"needed; restore it from a copy", ErrAbsent, r.key, place(m), written.UTC().Format(time.RFC3339)))
}

// place names what an object holds.
func place(m codec.Meta) string {
	switch {
	case m.OperationID == "" && m.OperationName == "":
		return m.Part.String() + " of the handler"
	case m.OperationID == "":
		return m.Part.String() + " of operation " + strconv.Quote(m.OperationName)
	}

	return m.Part.String() + " of operation " + strconv.Quote(m.OperationName) + " (" + strconv.Quote(m.OperationID) + ")"
}

// head returns at most n bytes that p begins with, without half a character at the end, and nothing
// if p is not text.
func head(p []byte, n int) string {
	if n <= 0 || !utf8.Valid(p) {
		return ""
	}

	if n >= len(p) {
		return string(p)
	}

	for n > 0 && !utf8.RuneStart(p[n]) {
		n--
	}

	return string(p[:n])
}
