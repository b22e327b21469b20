package codec_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/codec"
)

// deck are the transforms that generated chains are made of: of text and of bytes, some not applied
// to short payloads.
func deck() []codec.Transform {
	return []codec.Transform{flip("one", 1), flip("high", 0x80), quote{}, xor{name: "long", key: 0xff, min: 20}, flip("same", 0)}
}

// chainOf makes a chain of the deck: picks are in the order of writing, and what is not picked is
// read only.
func chainOf(base codec.Codec, picks []int) codec.Codec {
	all, used := deck(), make([]bool, len(deck()))

	var transforms []codec.Transform

	for _, i := range picks {
		if !used[i] {
			used[i] = true
			transforms = append(transforms, all[i])
		}
	}

	for i, t := range all {
		if !used[i] {
			transforms = slices.Insert(transforms, i%(len(transforms)+1), codec.ReadOnly(t))
		}
	}

	return codec.Chain(base, transforms...)
}

// pickings generates a sequence of chains.
func pickings() gopter.Gen {
	return gen.SliceOfN(4, gen.SliceOf(gen.IntRange(0, len(deck())-1)))
}

// marked generates strings of which many begin like payloads of a chain.
func marked() gopter.Gen {
	return gen.OneGenOf(anyBytes(), anyBytes().Map(func(s string) string { return "~perdure" + s }),
		anyBytes().Map(func(s string) string { return `"~perdure1:one:t` + s + `"` }),
		gen.OneConstOf(`"~perdure1::t"`, `"~perdure1:one,high:bAAAA"`, "~perdure1:", strings.Repeat("a", 50)))
}

func TestAnyChainReadsWhatAnyOtherWrote(t *testing.T) {
	t.Parallel()

	few := parameters()
	few.MinSuccessfulTests /= 4 // each writes 12 payloads and reads 48

	laws := gopter.NewProperties(few)

	laws.Property("bytes", prop.ForAll(func(values []string, chains [][]int) bool {
		return movesThrough(t, codec.Raw(), values, chains, func(s string) any { return []byte(s) })
	}, gen.SliceOfN(3, marked()), pickings()))

	laws.Property("JSON", prop.ForAll(func(values []string, chains [][]int) bool {
		for i, s := range values {
			values[i] = strings.ToValidUTF8(s, "?")
		}

		return movesThrough(t, codec.JSON(), values, chains, func(s string) any { return s })
	}, gen.SliceOfN(3, marked()), pickings()))

	laws.Property("chains inside of chains", prop.ForAll(func(values []string, inner []int, chains [][]int) bool {
		return movesThrough(t, chainOf(codec.Raw(), inner), values, chains, func(s string) any { return []byte(s) })
	}, gen.SliceOfN(3, marked()), gen.SliceOf(gen.IntRange(0, len(deck())-1)), pickings()))

	laws.TestingRun(t)
}

// movesThrough writes the values with each chain, and has each chain read all that was written.
func movesThrough(t *testing.T, base codec.Codec, values []string, chains [][]int, value func(string) any) bool {
	t.Helper()

	type kept struct{ value, payload string }

	var log []kept

	for _, picks := range chains {
		c := chainOf(base, picks)

		for _, v := range values {
			p, err := codec.Encode(t.Context(), c, charge, value(v))
			if err != nil || bytes.HasPrefix(p, []byte(`"~perdure`)) && !json.Valid(p) {
				t.Logf("chain %v writes %q as %q: %v", picks, v, p, err)
				return false
			}

			log = append(log, kept{v, string(p)})
		}
	}

	for _, picks := range chains {
		c := chainOf(base, picks)

		for _, k := range log {
			got, err := read(t, c, k.payload, value(""))
			if err != nil || got != k.value {
				t.Logf("chain %v reads %q as %q, %v, want %q", picks, k.payload, got, err, k.value)
				return false
			}
		}
	}

	return true
}

func read(t *testing.T, c codec.Codec, payload string, kind any) (string, error) {
	t.Helper()

	if _, ok := kind.([]byte); ok {
		var b []byte
		err := codec.Decode(t.Context(), c, charge, []byte(payload), &b)

		return string(b), err
	}

	var s string
	err := codec.Decode(t.Context(), c, charge, []byte(payload), &s)

	return s, err
}

func TestChainLeavesPlainPayloadsAlone(t *testing.T) {
	t.Parallel()

	laws := gopter.NewProperties(parameters())
	c := codec.Chain(codec.JSON(), xor{name: "long", key: 1, min: 1 << 20}, codec.ReadOnly(flip("flip", 1)))

	laws.Property("no transform applies", prop.ForAll(func(s string) bool {
		want, _ := codec.Encode(t.Context(), codec.JSON(), charge, s)
		got, err := codec.Encode(t.Context(), c, charge, s)

		return err == nil && (bytes.Equal(want, got) || strings.HasPrefix(s, "~perdure"))
	}, marked()))

	laws.TestingRun(t)
}

func TestOverheadOfAChainIsAsStated(t *testing.T) {
	t.Parallel()

	laws := gopter.NewProperties(parameters())
	c := codec.Chain(codec.Raw(), flip("one", 0x81), flip("two", 0x42))

	laws.Property("14 bytes, the names and a third", prop.ForAll(func(s string) bool {
		got, err := codec.Encode(t.Context(), c, charge, s)
		return err == nil && len(got) <= 14+len("one,two")+(len(s)*4+2)/3
	}, anyBytes()))

	laws.TestingRun(t)
}

func FuzzChainReadsAnyPayload(f *testing.F) {
	for _, seed := range []string{
		`"paid"`, `"~perdure1:one:t#"`, `"~perdure1:one,high:b3Y-elpvd"`, `"~perdure1::t\"~\""`, `"~perdure`, `"~perdure2:x"`,
		`"~perdure1:quote:t\"a\""`, "\"~perdure1:same:b\n\"", `"~perdure1:a:b`, `"~perdure1:one:t\u00e9"`, "\"~perdure1:one:t\xff\"",
	} {
		f.Add([]byte(seed))
	}

	c := chainOf(codec.Raw(), nil)

	f.Fuzz(func(t *testing.T, payload []byte) {
		var got []byte
		if err := codec.Decode(t.Context(), c, charge, payload, &got); err != nil {
			return
		}

		again, err := codec.Encode(t.Context(), c, charge, got)
		if err != nil || !utf8.Valid(again) {
			t.Fatalf("%q was read as %q, which is not written again: %v", payload, got, err)
		}

		var back []byte
		if err := codec.Decode(t.Context(), c, charge, again, &back); err != nil || !bytes.Equal(got, back) {
			t.Errorf("%q is read as %q, and then as %q: %v", payload, got, back, err)
		}
	})
}
