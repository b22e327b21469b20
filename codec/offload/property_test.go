package offload_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/internal/draws"
)

// parameters runs each law 200 times, multiplied by PERDURE_CHECKS.
func parameters() *gopter.TestParameters {
	p := gopter.DefaultTestParameters()
	p.MinSuccessfulTests = draws.Count(200)

	return p
}

func TestLawsOfOffloading(t *testing.T) {
	t.Parallel()

	laws := gopter.NewProperties(parameters())

	laws.Property("what is written is read, whatever threshold and preview are", prop.ForAll(func(b []byte, threshold, preview int) bool {
		store := &memory{}
		c := codec.Chain(codec.Raw(), offload.New(store, offload.WithThreshold(threshold), offload.WithPreview(preview)))

		p, err := codec.Encode(t.Context(), c, charge, b)
		if err != nil || (len(b) >= threshold) != (len(store.objects) == 1) {
			return false
		}

		info, ok, err := offload.Inspect(p)
		if err != nil || ok != (len(store.objects) == 1) || len(info.Preview) > max(preview, 0) ||
			!bytes.HasPrefix(b, []byte(info.Preview)) {
			return false
		}

		var got []byte
		err = codec.Decode(t.Context(), c, charge, p, &got)

		return err == nil && bytes.Equal(got, b)
	}, gen.SliceOf(gen.UInt8()), gen.IntRange(-5, 100), gen.IntRange(-5, 50)))

	laws.Property("scopes are short and safe, and differ where ARNs do", prop.ForAll(func(a, b string) bool {
		x, y := offload.Scope(a), offload.Scope(b)
		unsafe := func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", r)
		}

		return len(x) <= 128 && strings.IndexFunc(x, unsafe) < 0 && (x == y) == (a == b)
	}, gen.OneGenOf(gen.AnyString(), gen.OneConstOf(orders, next, bills)),
		gen.OneGenOf(gen.AnyString(), gen.OneConstOf(orders, next, strings.Repeat(orders, 3), "arn:/durable-execution/"))))

	laws.TestingRun(t)
}

func TestScopeReadsWell(t *testing.T) {
	t.Parallel()

	tests := []struct{ reason, arn, want string }{
		{reason: "function and execution", arn: orders, want: "orders_o-1-"},
		{reason: "something else", arn: "arn:1", want: "arn-1-"},
		{reason: "long names are cut", arn: strings.Repeat("é", 200), want: strings.Repeat("-", 95) + "-"},
	}

	for _, tt := range tests {
		got := offload.Scope(tt.arn)
		if !strings.HasPrefix(got, tt.want) || len(got) != len(tt.want)+32 {
			t.Errorf("%s: Scope = %q, want %s and 32 digits", tt.reason, got, tt.want)
		}
	}
}

func FuzzInspect(f *testing.F) {
	hash := strings.Repeat("0a", 32)
	for _, s := range []string{
		`"paid"`, `"~perdure1:offload:t1 ` + hash + ` 6 1772366400 orders_o-1-00\n\"paid\""`, `"~perdure1:offload:t2 \n"`,
		`"~perdure1:offload:t1 ` + hash + ` 06 0 a\n"`, `"~perdure1:zstd,offload:t1 ` + hash + ` 0 0 a\n"`, `"~perdure1:offload,seal:b"`,
	} {
		f.Add([]byte(s))
	}

	f.Fuzz(func(t *testing.T, payload []byte) {
		info, ok, err := offload.Inspect(payload)
		if ok && (err != nil || len(info.Key.Hash) != 64 || info.Size < 0 || info.Key.Scope == "" ||
			strings.ContainsAny(info.Key.String(), ".\\ \n") || strings.Count(info.Key.String(), "/") != 1) {
			t.Errorf("Inspect(%q) = %+v, %v", payload, info, err)
		}
	})
}
