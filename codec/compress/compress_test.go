package compress_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/draws"

	"github.com/perdure/perdure/codec/compress"
)

var charge = codec.Meta{ExecutionARN: "arn:1", OperationID: "7d1f", OperationName: "charge"}

// both are the transforms by name.
func both(opts ...compress.Option) map[string]codec.Transform {
	return map[string]codec.Transform{"zstd": compress.Zstd(opts...), "gzip": compress.Gzip(opts...)}
}

// noise returns n bytes that cannot be compressed, as text.
func noise(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)

	for i := range b {
		b[i] = byte(' ' + 2 + r.IntN(0x5c))
	}

	return strings.Map(func(r rune) rune {
		if r == '\\' || r == '"' {
			return '_'
		}

		return r
	}, string(b))
}

func TestPayloadsAreCompressedWhereItHelps(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("paid in full, ", 100)

	tests := []struct {
		reason string
		opts   []compress.Option
		v      string
		want   bool
	}{
		{reason: "long text", v: long, want: true},
		{reason: "under the threshold", v: long[:1021]},
		{reason: "at the threshold", v: long[:1022], want: true},
		{reason: "a threshold of one's own", opts: []compress.Option{compress.WithThreshold(200)}, v: long[:200], want: true},
		{reason: "noise does not get shorter with base64", v: noise(5000)},
		{reason: "short text does not get shorter", opts: []compress.Option{compress.WithThreshold(0)}, v: "aaaaaaaaaaaa"},
		{reason: "fastest", opts: []compress.Option{compress.WithLevel(compress.LevelFastest)}, v: long, want: true},
		{reason: "best", opts: []compress.Option{compress.WithLevel(compress.LevelBest)}, v: long, want: true},
		{reason: "what is not a level is the default", opts: []compress.Option{compress.WithLevel(99)}, v: long, want: true},
	}

	for _, tt := range tests {
		for name, transform := range both(tt.opts...) {
			t.Run(tt.reason+", "+name, func(t *testing.T) {
				t.Parallel()

				c := codec.Chain(codec.JSON(), transform)

				p, err := codec.Encode(t.Context(), c, charge, tt.v)
				if got := bytes.HasPrefix(p, []byte(`"~perdure1:`+name+`:b`)); err != nil || got != tt.want {
					t.Errorf("Encode = %.60s…, %v, want compressed %v", p, err, tt.want)
				}

				var got string
				if err := codec.Decode(t.Context(), c, charge, p, &got); err != nil || got != tt.v {
					t.Errorf("Decode = %.60q…, %v", got, err)
				}
			})
		}
	}
}

func TestPayloadsThatCannotBeRead(t *testing.T) {
	t.Parallel()

	for name, transform := range both(compress.WithThreshold(0)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			whole, ok, err := transform.Apply(t.Context(), codec.Stage{}, []byte(strings.Repeat("paid", 1000)))
			if err != nil || !ok {
				t.Fatal(ok, err)
			}

			for n := range whole {
				if out, err := transform.Revert(t.Context(), codec.Stage{}, whole[:n]); err == nil || codec.IsTransient(err) {
					t.Fatalf("cut off after %d of %d bytes: %d bytes, %v, want an error for good", n, len(whole), len(out), err)
				}
			}

			for i := range len(whole) * 8 {
				changed := bytes.Clone(whole)
				changed[i/8] ^= 1 << (i % 8)

				out, err := transform.Revert(t.Context(), codec.Stage{}, changed)
				if err == nil && string(out) != strings.Repeat("paid", 1000) {
					t.Fatalf("bit %d changed: %d other bytes", i, len(out))
				}
			}
		})
	}
}

func TestPayloadsThatWouldFillTheMemory(t *testing.T) {
	t.Parallel()

	bombs, limited := both(), both(compress.WithLimit(1<<20))
	zeros := make([]byte, 1<<20+1)

	for name := range bombs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			bomb, _, err := bombs[name].Apply(t.Context(), codec.Stage{}, zeros)
			if err != nil {
				t.Fatal(err)
			}

			fits, _, err := bombs[name].Apply(t.Context(), codec.Stage{}, zeros[1:])
			if err != nil {
				t.Fatal(err)
			}

			if out, err := limited[name].Revert(t.Context(), codec.Stage{}, fits); err != nil || len(out) != 1<<20 {
				t.Errorf("at the limit: %d bytes, %v", len(out), err)
			}

			_, reading := limited[name].Revert(t.Context(), codec.Stage{}, bomb)
			_, _, writing := limited[name].Apply(t.Context(), codec.Stage{}, zeros)

			for _, err := range []error{reading, writing} {
				if !errors.Is(err, compress.ErrTooLong) || codec.IsTransient(err) {
					t.Errorf("above the limit: %v, want ErrTooLong for good", err)
				}
			}
		})
	}
}

func TestLawsOfCompression(t *testing.T) {
	t.Parallel()

	p := gopter.DefaultTestParameters()
	p.MinSuccessfulTests = draws.Count(200)

	laws := gopter.NewProperties(p)
	text := gen.OneGenOf(gen.AnyString(), gen.SliceOf(gen.OneConstOf("paid", "in full", " ", "é")).
		Map(func(s []string) string { return strings.Repeat(strings.Join(s, ""), 8) }))

	for name, transform := range both(compress.WithThreshold(0)) {
		c, plain := codec.Chain(codec.JSON(), transform), codec.JSON()

		laws.Property(name+": never longer, and the same again", prop.ForAll(func(s string) bool {
			want, plainErr := codec.Encode(t.Context(), plain, charge, s)
			got, err := codec.Encode(t.Context(), c, charge, s)

			if err != nil || plainErr != nil || len(got) > len(want) && !strings.HasPrefix(s, "~perdure") {
				return false
			}

			var back, backPlain string
			err = codec.Decode(t.Context(), c, charge, got, &back)
			plainErr = codec.Decode(t.Context(), plain, charge, want, &backPlain)

			return err == nil && plainErr == nil && back == backPlain
		}, text))
	}

	laws.TestingRun(t)
}

func TestSeveralGoroutinesCompress(t *testing.T) {
	t.Parallel()

	for name, transform := range both() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c := codec.Chain(codec.JSON(), transform)

			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					for n := range 20 {
						v := strings.Repeat(strconv.Itoa(i), 1000+n*100)

						var got string

						p, err := codec.Encode(t.Context(), c, charge, v)
						if err = errors.Join(err, codec.Decode(t.Context(), c, charge, p, &got)); err != nil || got != v {
							t.Errorf("%d bytes of %d come back as %.10s…, %v", len(v), i, got, err)
						}
					}
				})
			}

			wg.Wait()
		})
	}
}

func FuzzReadAnyBytes(f *testing.F) {
	transforms := both(compress.WithThreshold(0), compress.WithLimit(1<<16))
	for _, transform := range transforms {
		p, _, err := transform.Apply(f.Context(), codec.Stage{}, []byte(strings.Repeat("paid", 100)))
		if err != nil {
			f.Fatal(err)
		}

		f.Add(p)
	}

	f.Add([]byte{})

	f.Fuzz(func(t *testing.T, p []byte) {
		for name, transform := range transforms {
			out, err := transform.Revert(t.Context(), codec.Stage{}, p)
			if len(out) > 1<<16 || codec.IsTransient(err) {
				t.Errorf("%s: %d bytes, %v", name, len(out), err)
			}
		}
	})
}

// To compress takes several times as long as JSON: other branches go on meanwhile.
func TestCompressionRunsBesideTheHandler(t *testing.T) {
	t.Parallel()

	for _, tr := range []codec.Transform{compress.Zstd(), compress.Gzip()} {
		if codec.IsPure(codec.Chain(codec.JSON(), tr)) {
			t.Errorf("%s is pure", tr.Name())
		}
	}
}
