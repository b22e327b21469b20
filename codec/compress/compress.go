// Package compress makes payloads smaller.
//
// [Zstd] and [Gzip] make transforms for [codec.Chain]. They apply to payloads from a threshold on,
// and only where the record gets shorter by it, base64 included. They belong before transforms that
// seal payloads, as sealed bytes do not become smaller. Note that the length of a compressed
// payload says something of its content: do not compress a secret together with text that others
// choose, where they can see the length.
//
// They are not pure ([codec.IsPure]): to compress takes two to six times as long as JSON, so that
// branches do it in parallel, beside the code of the handler.
//
// Payloads that cannot be read are a permanent failure: those that were cut off or changed, and
// those that would become longer than a limit, so that a payload from outside cannot fill the
// memory.
package compress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/perdure/perdure/codec"
)

// ErrTooLong says that a payload would become longer than [WithLimit] allows.
var ErrTooLong = errors.New("the payload is longer than the limit when it is decompressed")

// Option is an option of [Zstd] and [Gzip].
type Option interface{ apply(s *settings) }

type option func(s *settings)

func (f option) apply(s *settings) { f(s) }

type settings struct {
	threshold int
	limit     int64
	level     Level
}

// Level is how much time is spent for a smaller payload; the zero value is Default.
type Level int

// The levels.
const (
	// LevelDefault is level 3 of zstd and level 6 of gzip, or about that. It is the zero value.
	LevelDefault Level = iota
	// LevelFastest is level 1, or about that.
	LevelFastest
	// LevelBest is the best level that fits a function: about level 11 of zstd, and level 9 of
	// gzip.
	LevelBest
)

// WithThreshold compresses payloads of at least that number of bytes. The default is 1024; zero,
// and less, try all.
func WithThreshold(bytes int) Option {
	return option(func(s *settings) { s.threshold = bytes })
}

// WithLimit refuses payloads that would become longer than that number of bytes, on writing too.
// The default is 67108864 (64 MiB); zero, and less, mean the default.
func WithLimit(bytes int64) Option {
	return option(func(s *settings) { s.limit = bytes })
}

// WithLevel compresses with that level. The default is Default; what is not a level is Default.
func WithLevel(l Level) Option {
	return option(func(s *settings) { s.level = l })
}

func newSettings(opts []Option) settings {
	const limit = 64 << 20

	s := settings{threshold: 1024, limit: limit}
	for _, o := range opts {
		o.apply(&s)
	}

	if s.limit <= 0 {
		s.limit = limit
	}

	return s
}

// worthwhile reports whether the record gets shorter if out stands for in. What stands around
// compressed bytes in a record is counted, as is base64.
func worthwhile(in, out []byte) bool {
	const around = 20
	return around+(len(out)*4+2)/3 < len(in)
}

// Zstd returns a transform that compresses with zstd (RFC 8878). Its name is zstd.
func Zstd(opts ...Option) codec.Transform {
	s := newSettings(opts)
	level := zstd.SpeedDefault

	switch s.level {
	case LevelFastest:
		level = zstd.SpeedFastest
	case LevelBest:
		level = zstd.SpeedBetterCompression
	case LevelDefault:
	}

	z := &zstandard{settings: s}
	z.coders = sync.OnceValues(func() (coders, error) {
		w, wErr := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithSingleSegment(true),
			zstd.WithLowerEncoderMem(true))
		r, rErr := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0),
			zstd.WithDecoderMaxMemory(uint64(s.limit))) //nolint:gosec // it is positive

		return coders{w, r}, errors.Join(wErr, rErr)
	})

	return z
}

// coders are for EncodeAll and DecodeAll alone, which several goroutines may call, and which start
// none.
type coders struct {
	w *zstd.Encoder
	r *zstd.Decoder
}

type zstandard struct {
	settings

	coders func() (coders, error)
}

func (*zstandard) Name() string { return "zstd" }

// Apply compresses p if it is long enough and gets shorter.
func (z *zstandard) Apply(_ context.Context, _ codec.Stage, p []byte) ([]byte, bool, error) {
	if len(p) < z.threshold {
		return nil, false, nil
	}

	if int64(len(p)) > z.limit {
		return nil, false, tooLong("zstd", z.limit)
	}

	c, err := z.coders()
	if err != nil {
		return nil, false, fmt.Errorf("compress: zstd: %w", err)
	}

	out := c.w.EncodeAll(p, make([]byte, 0, len(p)/2))

	return out, worthwhile(p, out), nil
}

func (z *zstandard) Revert(_ context.Context, _ codec.Stage, p []byte) ([]byte, error) {
	if len(p) == 0 { // which would be read as nothing
		return nil, errors.New("compress: zstd: the payload was cut off or changed: it is empty")
	}

	c, err := z.coders()
	if err != nil {
		return nil, fmt.Errorf("compress: zstd: %w", err)
	}

	out, err := c.r.DecodeAll(p, nil)

	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), err == nil && int64(len(out)) > z.limit:
		return nil, tooLong("zstd", z.limit)
	case err != nil:
		return nil, fmt.Errorf("compress: zstd: the payload was cut off or changed: %w", codec.Permanent(err))
	}

	return out, nil
}

// Gzip returns a transform that compresses with gzip (RFC 1952), which most tools read. Its name is
// gzip.
func Gzip(opts ...Option) codec.Transform {
	s := newSettings(opts)
	level := gzip.DefaultCompression

	switch s.level {
	case LevelFastest:
		level = gzip.BestSpeed
	case LevelBest:
		level = gzip.BestCompression
	case LevelDefault:
	}

	return &gz{settings: s, level: level}
}

type gz struct {
	settings

	level    int
	writers  sync.Pool // of *gzip.Writer
	unpacker sync.Pool // of *gzip.Reader
}

func (*gz) Name() string { return "gzip" }

// Apply compresses p if it is long enough and gets shorter.
func (g *gz) Apply(_ context.Context, _ codec.Stage, p []byte) ([]byte, bool, error) {
	if len(p) < g.threshold {
		return nil, false, nil
	}

	if int64(len(p)) > g.limit {
		return nil, false, tooLong("gzip", g.limit)
	}

	out := bytes.NewBuffer(make([]byte, 0, len(p)/2))

	w, ok := g.writers.Get().(*gzip.Writer)
	if ok {
		w.Reset(out)
	} else {
		var err error
		if w, err = gzip.NewWriterLevel(out, g.level); err != nil {
			return nil, false, fmt.Errorf("compress: gzip: %w", err)
		}
	}

	_, err := w.Write(p)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, false, fmt.Errorf("compress: gzip: %w", err)
	}

	g.writers.Put(w)

	return out.Bytes(), worthwhile(p, out.Bytes()), nil
}

func (g *gz) Revert(_ context.Context, _ codec.Stage, p []byte) ([]byte, error) {
	in := bytes.NewReader(p)

	r, ok := g.unpacker.Get().(*gzip.Reader)
	if !ok {
		r = &gzip.Reader{}
	}

	out := bytes.NewBuffer(make([]byte, 0, min(int64(len(p))*4, g.limit)+bytes.MinRead))

	err := r.Reset(in)
	if err == nil {
		_, err = out.ReadFrom(io.LimitReader(r, g.limit+1))
	}

	if err != nil {
		return nil, fmt.Errorf("compress: gzip: the payload was cut off or changed: %w", codec.Permanent(err))
	}

	if int64(out.Len()) > g.limit {
		return nil, tooLong("gzip", g.limit)
	}

	g.unpacker.Put(r)

	return out.Bytes(), nil
}

func tooLong(name string, limit int64) error {
	return fmt.Errorf("compress: %s: %w of %d bytes: set it with compress.WithLimit, or keep the data elsewhere",
		name, ErrTooLong, limit)
}
