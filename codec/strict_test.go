package codec_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/codec"
)

type (
	money struct {
		Cents    int64  `json:"cents"`
		Currency string `json:"currency,omitempty"`
	}
	payment struct {
		ID    string           `json:"id"`
		Money money            `json:"money"`
		Lines []money          `json:"lines,omitempty"`
		By    map[string]money `json:"by,omitempty"`
		Note  *string          `json:"note,omitempty"`
	}
	// renewed reads what it had before, and writes what it has now.
	renewed struct{ Total int64 }
	// deaf reads nothing.
	deaf struct{ N int }
	// lower changes what it reads.
	lower string
	wraps struct {
		payment

		More int `json:"more"`
	}
)

func (r *renewed) UnmarshalJSON(p []byte) error {
	var both struct {
		Amount float64 `json:"amount"`
		Total  int64   `json:"total"`
	}
	if err := json.Unmarshal(p, &both); err != nil {
		return err
	}

	r.Total = both.Total + int64(both.Amount*100)

	return nil
}

func (r renewed) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `{"total":%d}`, r.Total), nil }

func (*deaf) UnmarshalJSON([]byte) error { return nil }

func (l *lower) UnmarshalText(p []byte) error {
	*l = lower(strings.ToLower(string(p)))
	return nil
}

func into[T any]() func() any { return func() any { return new(T) } }

func TestStrict(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason  string
		payload string
		target  func() any
		want    []string // what the message says; nil: accepted
	}{
		{"all members have a place", `{"id":"a","money":{"cents":5,"currency":"EUR"}}`, into[payment](), nil},
		{"members that a type gained", `{"id":"a"}`, into[payment](), nil},
		{"another order, another case, spaces", ` {"money":{"CENTS":5}, "ID":"a"} `, into[payment](), nil},
		{"zero values that are not written", `{"id":"","money":{"cents":0,"currency":""},"lines":[],"by":{}}`, into[payment](), nil},
		{"a renamed tag", `{"ID":"a","amount":5}`, into[payment](), []string{"member .amount has no place in codec_test.payment", "codec.Strict"}},
		{"a field of value zero that is gone", `{"id":"a","amount":0}`, into[payment](), []string{".amount has no place"}},
		{"a null that is gone was nothing", `{"id":"a","fax":null}`, into[payment](), nil},
		{"a field that has moved", `{"id":"a","cents":5}`, into[payment](), []string{".cents has no place"}},
		{"in a nested struct", `{"id":"a","money":{"amount":5}}`, into[payment](), []string{".money.amount has no place"}},
		{"in an element", `{"lines":[{"cents":1},{"vat":2}]}`, into[payment](), []string{".lines[1].vat has no place"}},
		{"in a map", `{"by":{"x y":{"vat":2}}}`, into[payment](), []string{`.by["x y"].vat has no place`}},
		{"in an embedded struct", `{"id":"a","more":1,"less":2}`, into[wraps](), []string{".less has no place"}},
		{"several", `{"a":1,"b":2}`, into[payment](), []string{".a has no place", ".b has no place"}},
		{"a whole document", `{"a":{"b":1}}`, into[struct{}](), []string{".a has no place"}},
		{"no more than eight", `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9}`, into[payment](), []string{".h has"}},
		{"an array that is too short", `[1,2,3]`, into[[2]int](), []string{"[2] has no place in [2]int"}},
		{"an array that is longer", `[1,2]`, into[[3]int](), nil},
		{"an integer in a float", `{"n":9007199254740993}`, into[map[string]any](), []string{".n is a number that map[string]interface {} does not hold exactly"}},
		{"an integer that a float holds", `{"n":9007199254740992,"m":1e2,"z":-0.0}`, into[map[string]any](), nil},
		{"a float in a shorter one", `0.123456789`, into[float32](), []string{"the recorded value is a number"}},
		{"a float that the shorter one writes so", `0.1`, into[float32](), nil},
		{"a number that stays text", `{"n":9007199254740993}`, into[map[string]json.Number](), nil},
		{"a null where a value is needed", `{"id":"a","money":null}`, into[payment](), []string{".money is null, and codec_test.payment needs a value there"}},
		{"a null where none is needed", `{"id":"a","lines":null,"note":null,"by":null}`, into[payment](), nil},
		{"null instead of a value", `null`, into[payment](), []string{"the recorded value is null"}},
		{"null instead of nothing", `null`, into[struct{}](), nil},
		{"null for a pointer", `null`, into[*payment](), nil},
		{"old members that UnmarshalJSON reads", `{"amount":2.5}`, into[renewed](), nil},
		{"those that it does not", `{"amount":2.5,"note":"x"}`, into[renewed](), []string{".note has no place in codec_test.renewed"}},
		{"a type that reads nothing", `{"n":1}`, into[deaf](), []string{".n has no place in codec_test.deaf"}},
		{"a type that changes what it reads", `"ABC"`, into[lower](), nil},
		{"a time in another form", `"2026-01-01T00:00:00.000+00:00"`, into[time.Time](), nil},
		{"bytes", `"AQI="`, into[[]byte](), nil},
		{"raw JSON", ` {"a" : 1}`, into[json.RawMessage](), nil},
		{"a string", `"a\u003cb"`, into[string](), nil},
		{"a string behind a pointer", `"a"`, into[*string](), nil},
		{"nothing for no type", ``, into[struct{}](), nil},
		{"nothing for a value", ``, into[payment](), []string{"the record has no value, and codec_test.payment needs one"}},
		{"nothing for a string", ``, into[string](), []string{"the record has no value, and string needs one"}},
		{"a document that does not fit", `{"id":5}`, into[payment](), []string{"cannot unmarshal number"}},
		{"no document", `{`, into[payment](), []string{"unexpected end"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			v, plain := tt.target(), tt.target()

			err := codec.Decode(t.Context(), codec.Strict(), charge, []byte(tt.payload), v)
			if (err != nil) != (tt.want != nil) {
				t.Fatalf("Decode = %v, want an error: %t", err, tt.want != nil)
			}

			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}

			if codec.IsTransient(err) {
				t.Errorf("%v is transient", err)
			}

			if err != nil {
				return
			}

			if err := codec.Decode(t.Context(), codec.JSON(), charge, []byte(tt.payload), plain); err != nil {
				t.Fatal(err)
			}

			if diff := cmp.Diff(plain, v); diff != "" {
				t.Errorf("Strict reads another value than JSON (-json +strict):\n%s", diff)
			}
		})
	}
}

func TestStrictDropsWhatIsNamed(t *testing.T) {
	t.Parallel()

	const payload = `{"id":"a","note2":"x","customer":{"fax":1,"tel":2},"lines":[{"cents":1,"vat":2},{"vat":3}],"by":{"k":{"vat":4}}}`

	tests := []struct {
		reason  string
		dropped []string
		want    []string // paths that are lost all the same
	}{
		{"nothing", nil, []string{".note2", ".customer", ".lines[0].vat", ".lines[1].vat", ".by.k.vat"}},
		{"a member", []string{"note2"}, []string{".customer", ".lines[0].vat", ".lines[1].vat", ".by.k.vat"}},
		{"with a dot before it", []string{".note2", "customer"}, []string{".lines[0].vat", ".lines[1].vat", ".by.k.vat"}},
		{"of all elements, of all members", []string{"note2", "customer", "lines[].vat", "by.*.vat"}, nil},
		{"of one element", []string{"note2", "customer", "lines[1].vat", "by"}, []string{".lines[0].vat"}},
		{"a name that begins alike", []string{"note", "custom"}, []string{".note2", ".customer", ".lines[0].vat", ".lines[1].vat", ".by.k.vat"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			var p payment

			lost, err := codec.Losses(t.Context(), codec.Strict(tt.dropped...), charge, []byte(payload), &p)
			if err != nil {
				t.Fatal(err)
			}

			var got []string
			for _, l := range lost {
				got = append(got, l.Path)
			}

			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("lost (-want +got):\n%s", diff)
			}

			err = codec.Decode(t.Context(), codec.Strict(tt.dropped...), charge, []byte(payload), &p)
			if (err == nil) != (len(tt.want) == 0) {
				t.Errorf("Decode = %v", err)
			}
		})
	}

	for _, bad := range []string{"", ".", ".."} {
		if err := codec.Validate(codec.Strict(bad)); err == nil || !strings.Contains(err.Error(), "name a member") {
			t.Errorf("Validate(Strict(%q)) = %v, want advice", bad, err)
		}
	}
}

// TestStrictOfInputs: who starts executions writes null for nothing.
func TestStrictOfInputs(t *testing.T) {
	t.Parallel()

	input := codec.Meta{Part: codec.PartInput}

	var p payment
	if err := codec.Decode(t.Context(), codec.Strict(), input, []byte(`{"id":null,"money":null}`), &p); err != nil {
		t.Error(err)
	}

	if err := codec.Decode(t.Context(), codec.Strict(), input, []byte(`{"amount":1}`), &p); err == nil {
		t.Error("a member without a place is accepted")
	}
}

// TestStrictInAChain: what is lost is found under the transforms, and an absent payload too.
func TestStrictInAChain(t *testing.T) {
	t.Parallel()

	c := codec.Chain(codec.Strict(), reverse{})
	if !codec.IsStrict(c) || codec.IsStrict(codec.Chain(codec.JSON(), reverse{})) || codec.IsStrict(codec.Raw()) {
		t.Error("IsStrict is wrong")
	}

	payload, err := codec.Encode(t.Context(), c, charge, map[string]int{"amount": 1})
	if err != nil {
		t.Fatal(err)
	}

	var p payment
	if err := codec.Decode(t.Context(), c, charge, payload, &p); err == nil || !strings.Contains(err.Error(), ".amount") {
		t.Errorf("Decode = %v", err)
	}

	if err := codec.Decode(t.Context(), c, charge, nil, &p); err == nil || !strings.Contains(err.Error(), "no value") {
		t.Errorf("Decode of nothing = %v", err)
	}

	lost, err := codec.Losses(t.Context(), codec.Chain(codec.JSON(), reverse{}), charge, payload, &p)
	if want := []codec.Loss{{Path: ".amount", Problem: "has no place in codec_test.payment"}}; err != nil || !cmp.Equal(want, lost) {
		t.Errorf("Losses = %v, %v, want %v", lost, err, want)
	}

	if lost, err := codec.Losses(t.Context(), codec.Raw(), charge, []byte(`{"amount":1}`), &p); err != nil || lost != nil {
		t.Errorf("Losses of another codec = %v, %v", lost, err)
	}
}
