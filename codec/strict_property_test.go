package codec_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/codec"
)

// change is a pair of types, a value of the old one, and what the new one loses of it.
type change struct {
	old   reflect.Type
	value reflect.Value
	now   reflect.Type
	lost  []string
}

// drawn draws a type, a value of it and another version of the type. What is lost it knows without
// reading any JSON.
func drawn(r *rand.Rand, depth int, path string) change {
	n := r.IntN(4)
	if depth == 0 {
		n = 3
	}

	switch n {
	case 0, 1:
		return drawnStruct(r, depth, path)
	case 2:
		return drawnSlice(r, depth, path)
	}

	kinds := []any{int64(0), "", false, float64(0), []byte(nil)}
	old := reflect.TypeOf(kinds[r.IntN(len(kinds))])
	c := change{old: old, value: reflect.New(old).Elem(), now: old}

	switch old.Kind() { //nolint:exhaustive // the kinds above
	case reflect.Int64:
		c.value.SetInt(r.Int64N(1<<60)>>r.IntN(60) | 1)

		switch r.IntN(3) {
		case 0: // a float may not hold it
			c.now = reflect.TypeFor[float64]()
			if v := c.value.Int(); int64(float64(v)) != v {
				c.lost = []string{path}
			}
		case 1:
			c.now = reflect.PointerTo(old)
		}
	case reflect.String:
		c.value.SetString([]string{"", "a", "<é>", "😀\n"}[r.IntN(4)])

		if r.IntN(3) == 0 {
			c.now = reflect.TypeFor[any]()
		}
	case reflect.Float64:
		c.value.SetFloat(float64(r.IntN(64)) / 8) // exact in a float32
		if r.IntN(3) == 0 {
			c.now = reflect.TypeFor[float32]()
		}
	case reflect.Bool:
		c.value.SetBool(r.IntN(2) == 0)
	default:
		c.value.SetBytes([]byte{1, 2, 3})
	}

	return c
}

// drawnStruct draws fields, and what has become of each: kept, gone, under another name, only
// written if it is not zero.
func drawnStruct(r *rand.Rand, depth int, path string) change {
	type field struct {
		change

		fate int
	}

	fields := make([]field, r.IntN(4))
	old, now := make([]reflect.StructField, len(fields)), []reflect.StructField{}

	for i := range fields {
		name := fmt.Sprintf("F%d", i)
		fields[i] = field{drawn(r, depth-1, path+"."+strings.ToLower(name)), r.IntN(8)}
		old[i] = reflect.StructField{Name: name, Type: fields[i].old, Tag: reflect.StructTag(`json:"` + strings.ToLower(name) + `"`)}
		renewed := old[i]
		renewed.Type = fields[i].now

		switch fields[i].fate {
		case 0:
			continue
		case 1:
			renewed.Tag = reflect.StructTag(fmt.Sprintf(`json:"g%d"`, i))
		case 2:
			renewed.Tag = reflect.StructTag(`json:"` + strings.ToLower(name) + `,omitempty"`)
		}

		now = append(now, renewed)
	}

	c := change{old: reflect.StructOf(old), now: reflect.StructOf(now)}
	c.value = reflect.New(c.old).Elem()

	for i := range fields {
		c.value.Field(i).Set(fields[i].value)

		if fields[i].fate <= 1 {
			c.lost = append(c.lost, path+"."+strings.ToLower(old[i].Name))
		} else {
			c.lost = append(c.lost, fields[i].lost...)
		}
	}

	return c
}

// drawnSlice draws a slice of one element, which may become an array that is too short.
func drawnSlice(r *rand.Rand, depth int, path string) change {
	in := drawn(r, depth-1, path+"[0]")
	c := change{old: reflect.SliceOf(in.old), now: reflect.SliceOf(in.now), lost: in.lost}

	c.value = reflect.Append(reflect.MakeSlice(c.old, 0, 1), in.value)
	if r.IntN(6) == 0 {
		c.now, c.lost = reflect.ArrayOf(0, in.now), []string{path + "[0]"}
	}

	return c
}

// TestStrictAcceptsWhatADecodeLosesNothingOf: of random pairs of types, exactly what the change of
// the type takes away is lost, and what is accepted contains, encoded again and read by the old
// type, all that was recorded.
func TestStrictAcceptsWhatADecodeLosesNothingOf(t *testing.T) {
	t.Parallel()

	accepted, refused := 0, 0
	p := parameters()
	p.MinSuccessfulTests *= 5
	props := gopter.NewProperties(p)
	props.Property("a decode loses what it is said to lose", prop.ForAll(func(seed uint64) (string, error) {
		c := drawn(rand.New(rand.NewPCG(seed, 1)), 3, "")

		payload, err := codec.Encode(t.Context(), codec.JSON(), charge, c.value.Interface())
		if err != nil {
			return "", err
		}

		v := reflect.New(c.now)
		err = codec.Decode(t.Context(), codec.Strict(), charge, payload, v.Interface())

		if (err != nil) != (len(c.lost) > 0) {
			return fmt.Sprintf("%s of %v into %v: %v, lost are %v", payload, c.old, c.now, err, c.lost), nil
		}

		if err != nil {
			refused++
			return lostAre(t.Context(), payload, v.Interface(), c.lost), nil //nolint:nilerr // the error is what is wanted
		}

		accepted++

		return contains(t.Context(), payload, v, c), nil
	}, gen.UInt64()))
	props.Property("the type that wrote it loses nothing", prop.ForAll(func(seed uint64) (string, error) {
		c := drawn(rand.New(rand.NewPCG(seed, 2)), 4, "")

		payload, err := codec.Encode(t.Context(), codec.Strict(), charge, c.value.Interface())
		if err != nil {
			return "", err
		}

		if err := codec.Decode(t.Context(), codec.Strict(), charge, payload, reflect.New(c.old).Interface()); err != nil {
			return fmt.Sprintf("%s of %v: %v", payload, c.old, err), nil
		}

		return "", nil
	}, gen.UInt64()))
	props.TestingRun(t)

	if accepted < 100 || refused < 100 {
		t.Errorf("%d pairs of types lose nothing, %d something: too few of one kind", accepted, refused)
	}
}

// lostAre compares the places that are named with those that are known, of which at most eight are.
func lostAre(ctx context.Context, payload []byte, v any, want []string) string {
	lost, err := codec.Losses(ctx, codec.JSON(), charge, payload, v)
	if err != nil {
		return err.Error()
	}

	got := make([]string, len(lost))
	for i, l := range lost {
		got[i] = l.Path
	}

	if diff := cmp.Diff(want[:min(len(want), 8)], got); diff != "" {
		return fmt.Sprintf("%s into %T, lost (-want +got):\n%s", payload, v, diff)
	}

	return ""
}

// contains reads the value, encoded again, by the old type: nothing is missing.
func contains(ctx context.Context, payload []byte, v reflect.Value, c change) string {
	again, err := codec.Encode(ctx, codec.JSON(), charge, v.Elem().Interface())
	if err != nil {
		return err.Error()
	}

	back := reflect.New(c.old)
	if err := json.Unmarshal(again, back.Interface()); err != nil {
		return err.Error()
	}

	now, err := codec.Encode(ctx, codec.JSON(), charge, back.Elem().Interface())
	if err != nil {
		return err.Error()
	}

	if string(now) != string(payload) {
		return fmt.Sprintf("%s came back from %v as %s", payload, c.now, now)
	}

	return ""
}

// FuzzStrict: whatever a payload is, Strict reads what JSON reads, or says what is lost; it never
// panics.
func FuzzStrict(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `{"id":"a","money":{"cents":1}}`, `{"id":"a","amount":1}`, `{"lines":[{"vat":1},null]}`, `{"a":1,"A":2,"a":3}`,
		`{"amount":2.5,"note":"x"}`, `[1,[2,{"":null}]]`, `1e999999999`, `-0`, `9007199254740993`, `"\ud800"`, `{"x y":{"\u0000":[]}}`, `{"id":`,
	} {
		f.Add([]byte(seed), "note")
	}

	f.Fuzz(func(t *testing.T, payload []byte, dropped string) {
		for _, target := range []func() any{
			into[payment](), into[renewed](), into[any](), into[map[string]money](), into[[2]float32](), into[struct{}](), into[*string](), into[wraps](),
		} {
			strict, plain := target(), target()
			errStrict := codec.Decode(t.Context(), codec.Strict(dropped), charge, payload, strict)
			errPlain := codec.Decode(t.Context(), codec.JSON(), charge, payload, plain)

			if errStrict == nil && (errPlain != nil || !reflect.DeepEqual(plain, strict)) {
				t.Errorf("%q into %T: strict %v, JSON %v, %v", payload, plain, strict, plain, errPlain)
			}

			if errPlain != nil {
				continue
			}

			lost, err := codec.Losses(t.Context(), codec.JSON(), charge, payload, plain)
			if err != nil || len(lost) > 8 {
				t.Errorf("Losses = %v, %v", lost, err)
			}

			if errStrict == nil && dropped == "note" && len(payload) > 0 && !strings.Contains(string(payload), "note") && len(lost) > 0 {
				t.Errorf("%q into %T is accepted, and %v is lost", payload, plain, lost)
			}
		}
	})
}
