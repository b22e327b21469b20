package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/internal/draws"
)

// parameters runs each law 200 times, multiplied by PERDURE_CHECKS.
func parameters() *gopter.TestParameters {
	p := gopter.DefaultTestParameters()
	p.MinSuccessfulTests = draws.Count(200)

	return p
}

// places generates places of few executions, operations and functions, so that many pairs are close
// to each other.
func places() gopter.Gen {
	return gen.SliceOfN(5, gen.IntRange(0, 3)).Map(func(n []int) codec.Meta {
		return codec.Meta{
			ExecutionARN: []string{orders, other, bills, "arn:x"}[n[0]], OperationID: []string{"", "a", "b", "a"}[n[1]],
			Part: codec.Part(n[2]), Function: []string{"", "", "orders", "bills:live"}[n[3]],
			ForkedFrom: [][]string{nil, nil, {orders}, {other, bills}}[n[4]],
		}
	})
}

func TestLawsOfSealing(t *testing.T) {
	t.Parallel()

	old, now := newKey(t, "old"), newKey(t, "now")
	before := codec.Chain(codec.Raw(), seal.New(seal.Static(old)))
	after := codec.Chain(codec.Raw(), seal.New(seal.Static(now, old)))
	laws := gopter.NewProperties(parameters())

	laws.Property("what is sealed at a place opens there, also after a rotation", prop.ForAll(func(b []byte, m codec.Meta) bool {
		for _, c := range []codec.Codec{before, after} {
			p, err := codec.Encode(t.Context(), c, m, b)
			if err != nil {
				return false
			}

			var got []byte
			if err := codec.Decode(t.Context(), after, m, p, &got); err != nil || !bytes.Equal(got, b) {
				return false
			}
		}

		return true
	}, gen.SliceOf(gen.UInt8()), places()))

	laws.Property("it opens at another place exactly if its origin fits", prop.ForAll(func(from, to codec.Meta) bool {
		p, err := codec.Encode(t.Context(), after, from, "paid")
		if err != nil {
			return false
		}

		var got string
		err = codec.Decode(t.Context(), after, to, p, &got)

		return seal.OriginOf(from).Fits(to) == (err == nil) && (err == nil) == (got == "paid") &&
			(err == nil || errors.Is(err, seal.ErrMoved))
	}, places(), places()))

	laws.Property("between operations, parts or executions that know nothing of each other it never fits", prop.ForAll(
		func(from, to codec.Meta) bool {
			from.Function, to.Function, to.ForkedFrom = "", "", nil
			same := seal.OriginOf(from) == seal.OriginOf(to)

			return seal.OriginOf(from).Fits(to) == same
		}, places(), places()))

	laws.TestingRun(t)
}

func FuzzOpenAnyBytes(f *testing.F) {
	k := newKey(f, "k1")
	tr := seal.New(seal.Static(k))
	stage := codec.Stage{Meta: at(orders, "a", codec.PartResult)}

	p, _, err := tr.Apply(f.Context(), stage, []byte("paid"))
	if err != nil {
		f.Fatal(err)
	}

	f.Add(p)
	f.Add([]byte{})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{2})

	f.Fuzz(func(t *testing.T, b []byte) {
		if out, err := tr.Revert(t.Context(), stage, b); err == nil && !bytes.Equal(b, p) {
			t.Errorf("%q was opened as %q", b, out)
		}

		again, n, err := seal.Rewrite(b)
		if err != nil {
			return
		}

		if n > len(b) || len(again) > n {
			t.Errorf("the header of %q is %d bytes long, and %q when it is written again", b, n, again)
		}

		if twice, m, err := seal.Rewrite(again); err != nil || m != len(again) || !bytes.Equal(again, twice) {
			t.Errorf("%q is written again as %q: %v", again, twice, err)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	for _, s := range []string{"", "k1 " + secret, "# x\nk1 " + secret + "\nk2 " + secret, "k1", "k1 AAAA", " \t", "k1  =", "\xff " + secret} {
		f.Add([]byte(s))
	}

	f.Fuzz(func(t *testing.T, text []byte) {
		ids, err := seal.ParseKeys(text)
		if (err == nil) != (len(ids) > 0) {
			t.Fatalf("ParseKeys(%q) = %q, %v", text, ids, err)
		}

		for _, id := range ids {
			if !bytes.Contains(text, []byte(id)) || id == "" {
				t.Errorf("ParseKeys(%q) has the ID %q", text, id)
			}
		}
	})
}

func FuzzFunctionsAreTheSameBothWays(f *testing.F) {
	for _, s := range []string{"", "bills", "bills:live", "1:function:bills", bills, "arn:aws:lambda:function:", "function:", "a:b:function:c"} {
		f.Add(s, bills)
	}

	f.Fuzz(func(t *testing.T, a, b string) {
		if seal.SameFunction(a, b) != seal.SameFunction(b, a) {
			t.Errorf("%q and %q", a, b)
		}

		if seal.SameFunction(a, "") || seal.SameFunction("", b) {
			t.Errorf("%q or %q is the same as no function", a, b)
		}
	})
}
