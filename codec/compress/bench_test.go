package compress_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/seal"

	"github.com/perdure/perdure/codec/compress"
)

type item struct {
	SKU   string  `json:"sku"`
	Name  string  `json:"name"`
	Count int     `json:"count"`
	Price float64 `json:"price"`
	Gift  bool    `json:"gift,omitempty"`
}

// order returns items whose JSON has about n bytes.
func order(n int) []item {
	r := rand.New(rand.NewPCG(1, 2))

	var items []item
	for range n / 80 {
		items = append(items, item{
			SKU: fmt.Sprintf("sku-%08x", r.Uint32()), Name: "a box of ☕ no. " + strconv.Itoa(r.IntN(500)),
			Count: r.IntN(9), Price: float64(r.IntN(99999)) / 100, Gift: r.IntN(3) == 0,
		})
	}

	return items
}

// heap is a store in memory.
type heap struct{ objects sync.Map }

func (h *heap) Put(_ context.Context, k offload.Key, object []byte) error {
	h.objects.Store(k.Hash, object)
	return nil
}

func (h *heap) Get(_ context.Context, k offload.Key, _ int64) ([]byte, error) {
	o, _ := h.objects.Load(k.Hash)

	object, ok := o.([]byte)
	if !ok {
		return nil, fs.ErrNotExist
	}

	return object, nil
}

// primitive is a function that a payload needs, and its inverse.
type primitive struct{ do, undo func([]byte) []byte }

func check[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}

	return v
}

// primitives returns the functions that a chain consists of, as their libraries offer them.
func primitives() (zst, gcm, b64, hash primitive) {
	w, r := check(zstd.NewWriter(nil, zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true))), check(zstd.NewReader(nil))
	aead := check(cipher.NewGCMWithRandomNonce(check(aes.NewCipher(make([]byte, 32)))))
	digest := func(p []byte) []byte {
		_ = sha256.Sum256(p)
		return p
	}

	zst = primitive{
		do:   func(p []byte) []byte { return w.EncodeAll(p, make([]byte, 0, len(p)/2)) },
		undo: func(p []byte) []byte { return check(r.DecodeAll(p, nil)) },
	}
	gcm = primitive{
		do:   func(p []byte) []byte { return aead.Seal(nil, nil, p, nil) },
		undo: func(p []byte) []byte { return check(aead.Open(nil, nil, p, nil)) },
	}
	b64 = primitive{
		do:   func(p []byte) []byte { return base64.RawURLEncoding.AppendEncode(nil, p) },
		undo: func(p []byte) []byte { return check(base64.RawURLEncoding.AppendDecode(nil, p)) },
	}

	return zst, gcm, b64, primitive{digest, digest}
}

// BenchmarkChains compares chains with the sum of the primitives that they consist of, measured in
// turns in one run: x is how many times as long the chain takes. The other numbers are of the
// chain.
func BenchmarkChains(b *testing.B) {
	key := check(seal.GenerateKey("2026-06"))
	sealing, packing := seal.New(seal.Static(key)), compress.Zstd()
	zst, gcm, b64, hash := primitives()

	chains := []struct {
		name       string
		transforms []codec.Transform
		primitives []primitive
	}{
		{"plain", nil, nil},
		{"zstd", []codec.Transform{packing}, []primitive{zst, b64}},
		{"seal", []codec.Transform{sealing}, []primitive{gcm, b64}},
		{"zstd+seal", []codec.Transform{packing, sealing}, []primitive{zst, gcm, b64}},
		{"offload", []codec.Transform{offload.New(&heap{}, offload.WithThreshold(0))}, []primitive{hash}},
		{"seal+offload", []codec.Transform{sealing, offload.New(&heap{}, offload.WithThreshold(0))}, []primitive{gcm, hash}},
	}

	for _, c := range chains {
		for _, size := range []int{1 << 10, 10 << 10, 100 << 10, 1 << 20} {
			v := order(size)
			chain := codec.Chain(codec.JSON(), c.transforms...)
			payload := check(codec.Encode(b.Context(), chain, charge, v))

			encode := func() []byte {
				p := marshal(v)
				for _, f := range c.primitives {
					p = f.do(p)
				}

				return p
			}
			bare := encode()

			b.Run(fmt.Sprintf("encode/%s/%dKB", c.name, size>>10), func(b *testing.B) {
				compare(b, size, func() { check(codec.Encode(b.Context(), chain, charge, v)) }, func() { encode() })
			})
			b.Run(fmt.Sprintf("decode/%s/%dKB", c.name, size>>10), func(b *testing.B) {
				compare(b, size, func() {
					var out []item
					check(0, codec.Decode(b.Context(), chain, charge, payload, &out))
				}, func() {
					p := bare
					for _, f := range slices.Backward(c.primitives) {
						p = f.undo(p)
					}

					var out []item
					check(0, json.Unmarshal(p, &out))
				})
			})
		}
	}
}

// marshal is JSON as package codec writes it.
func marshal(v any) []byte {
	var buf bytes.Buffer

	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	check(0, enc.Encode(v))

	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'})
}

// mostTimes is how many times as long as its primitives a chain may take, from 10 KB on. Whoever
// sets the environment variable has the benchmark fail above that.
const (
	mostTimes = 1.3
	strictly  = "PERDURE_SPEED"
)

// compare measures both in turns, which of them first changing. It takes the shortest time of each:
// on a machine that does other things too, all others say how busy it was.
func compare(b *testing.B, size int, chain, primitives func()) {
	b.Helper()

	best, both := [2]time.Duration{time.Hour, time.Hour}, [2]func(){chain, primitives}

	for first := 0; b.Loop(); first++ {
		for i := range 2 {
			n := (first + i) % 2
			start := time.Now()

			both[n]()

			best[n] = min(best[n], time.Since(start))
		}
	}

	times := float64(best[0]) / float64(best[1])
	if os.Getenv(strictly) != "" && size >= 10<<10 && times > mostTimes {
		b.Errorf("the chain takes %.2f times as long as its primitives, want at most %v", times, mostTimes)
	}

	b.ReportMetric(times, "x")
	b.ReportMetric(float64(best[0].Nanoseconds()), "ns/op")
	b.ReportMetric(float64(size)/best[0].Seconds()/1e6, "MB/s")
	b.ReportMetric(testing.AllocsPerRun(20, chain), "allocs-chain")
	b.ReportMetric(testing.AllocsPerRun(20, primitives), "allocs-primitives")
}
