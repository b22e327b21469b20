package plainjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/plainjson"
)

type (
	line struct {
		SKU   string  `json:"sku"`
		Count int8    `json:"count,omitempty"`
		Price float64 `json:"price"`
	}
	order struct {
		ID    string            `json:"id"`
		Lines []line            `json:"lines"`
		By    map[string]*order `json:"by"`
		At    *time.Time        `json:"at"`
		Raw   json.RawMessage   `json:"raw"`
		Bytes []byte            `json:"bytes"`
		Pair  [2]bool           `json:"pair"`
		Next  *order            `json:"next"`
	}
	// keeper keeps the bytes that it is given, which it should not.
	keeper struct{ doc []byte }
	// holder has one somewhere in it.
	holder struct{ In map[string][]*keeper }
	// anything may hold one.
	anything struct{ V any }
)

func (k *keeper) UnmarshalJSON(doc []byte) error {
	k.doc = doc
	return nil
}

// targets make a variable of each type that documents are decoded into.
var targets = map[string]func() any{
	"struct":    func() any { return new(order) },
	"map":       func() any { return new(map[string]line) },
	"slice":     func() any { return new([]line) },
	"array":     func() any { return new([2]line) },
	"any":       func() any { return new(any) },
	"pointer":   func() any { return new(*order) },
	"holder":    func() any { return new(holder) },
	"anything":  func() any { return new(anything) },
	"number":    func() any { return new(int) },
	"long":      func() any { return new(int64) },
	"short":     func() any { return new(int8) },
	"duration":  func() any { return new(time.Duration) },
	"flag":      func() any { return new(bool) },
	"filled in": func() any { n := 7; return &n },
	"no number": func() any { return (*int)(nil) },
	"no long":   func() any { return (*int64)(nil) },
	"no flag":   func() any { return (*bool)(nil) },
	"filled":    func() any { return &order{ID: "was", Lines: []line{{"a", 1, 2}, {"b", 1, 2}}} },
	"nil":       func() any { return (*order)(nil) },
	"no target": func() any { return order{} },
}

var documents = []string{
	`{"id":"A-1","lines":[{"sku":"x","count":3,"price":1.5},{"sku":"y"}],"pair":[true,false,true]}`,
	`{"by":{"b":{"id":"B"},"a":null},"at":"2026-11-30T10:00:00Z","raw":{"a": 1},"bytes":"AQID"}`,
	`{"next":{"next":{"id":"deep"}},"unknown":[1,{"a":[]}]}`,
	`{"ID":"other case","id":"last one counts"}`,
	`{"lines":[{"sku":"x","count":300},{"sku":"y","count":1}]}`, // does not fit, and what follows does
	`{"lines":{}}`, `{"at":"never"}`, `{"In":{"a":[{},null]}}`, `{"V":{"a":[1,"b"]}}`,
	`[{"sku":"a"},{"sku":"b"},{"sku":"c"}]`, `[]`, `{}`, `[[]]`, `null`, `1`, `"a"`, `true`,
	` {"id":"space around"} `, `{"id":"two"}{"id":"documents"}`, `{"id":"two"} [ ]`, `{"id"}`, `{"id":`, `[1,]`, `{]`, `[}`, ``, ` `,
	`0`, `-0`, `-1`, `42`, `007`, `-`, `--1`, `+1`, ` 1`, `1 `, `1e3`, `1.0`, `12a`, `0x1`, `999999999999999999`, `-999999999999999999`,
	`1000000000000000000`, `9223372036854775807`, `-9223372036854775808`, `9223372036854775808`, `false`, `tru`, `True`, ` true`, `falsey`,
	"{\"id\":\"\xff\\ud800\"}", "{\"id\":\"<&\u2028>\"}", `{"id":"` + strings.Repeat("long", 3000) + `"}`,
	`{"lines":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`,
}

// TestUnmarshalIsThatOfEncodingJSON: what is decoded and the errors are the same, whatever was
// decoded before.
func TestUnmarshalIsThatOfEncodingJSON(t *testing.T) {
	t.Parallel()
	for round := range 3 {
		for name, target := range targets {
			for _, doc := range documents {
				compare(t, fmt.Sprintf("round %d, %s", round, name), []byte(doc), target)
			}
		}
	}
}

func FuzzUnmarshalIsThatOfEncodingJSON(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		for name, target := range targets {
			compare(t, name, doc, target)
		}
	})
}

func compare(t *testing.T, name string, doc []byte, target func() any) {
	t.Helper()
	want, got := target(), target()
	wantErr, err := json.Unmarshal(doc, want), plainjson.Unmarshal(doc, got)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) || reflect.TypeOf(err) != reflect.TypeOf(wantErr) {
		t.Errorf("%s: %.80q: the error is %v, that of encoding/json %v", name, doc, err, wantErr)
	}
	if twoDocuments := errors.As(wantErr, new(*json.SyntaxError)); !twoDocuments && !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %.80q is %+v, with encoding/json %+v", name, doc, got, want)
	}
}

// TestWhatIsDecodedStays: nothing of a decoded value is memory of a decoder that is used again,
// even if a method keeps what it was given.
func TestWhatIsDecodedStays(t *testing.T) {
	t.Parallel()
	doc := []byte(`{"id":"A-1","raw":{"a":1},"bytes":"AQID"}`)
	var o order
	var h holder
	var a anything
	kept := new(keeper)
	a.V = kept
	for doc, v := range map[string]any{string(doc): &o, `{"In":{"a":[{"b":1}]}}`: &h, `{"V":{"c":2}}`: &a} {
		if err := plainjson.Unmarshal([]byte(doc), v); err != nil {
			t.Fatal(err)
		}
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 50 {
				if err := plainjson.Unmarshal([]byte(`{"id":"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"}`), new(order)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	got := fmt.Sprintf("%s %s %x %s %s", o.ID, o.Raw, o.Bytes, h.In["a"][0].doc, kept.doc)
	if want := `A-1 {"a":1} 010203 {"b":1} {"c":2}`; got != want {
		t.Errorf("the values are %s later, they were %s", got, want)
	}
}

// TestEncodes: the answer is that of an encoder without HTML escaping; none where a method may make
// a difference between a value and a pointer to it, and where there is an error.
func TestEncodes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long", 3000)
	for name, row := range map[string]struct {
		v         any
		doc       string
		known, is bool
	}{
		"same":           {&line{"a<b", 1, 0.5}, `{"sku":"a<b","count":1,"price":0.5}`, true, true},
		"escaped":        {&line{SKU: "a<b"}, `{"sku":"a\u003cb","price":0}`, true, false},
		"spaces":         {&line{}, `{"sku":"", "price":0}`, true, false},
		"order":          {&line{}, `{"price":0,"sku":""}`, true, false},
		"too much":       {&line{}, `{"sku":"","price":0,"more":1}`, true, false},
		"a long value":   {&line{SKU: long}, `{}`, true, false},
		"a long doc":     {&line{SKU: long}, `{"sku":"` + long + `","price":0}`, false, false},
		"methods":        {&keeper{}, `{}`, false, false},
		"methods inside": {&holder{}, `{"In":null}`, false, false},
		"interface":      {&anything{}, `{"V":null}`, false, false},
		"an error":       {&line{Price: math.NaN()}, `{}`, false, false},
		"after errors":   {&line{}, `{"sku":"","price":0}`, true, true},
		"no pointer":     {line{}, `{"sku":"","price":0}`, false, false},
		"nothing":        {nil, `null`, false, false},
		"nil":            {(*line)(nil), `null`, false, false},
		"a nil pointer":  {new(*line), `null`, true, true},
	} {
		for range 3 {
			if is, known := plainjson.Encodes(row.v, []byte(row.doc)); is != row.is || known != row.known {
				t.Errorf("%s: encodes %v, known %v; want %v, %v", name, is, known, row.is, row.known)
			}
		}
		if p := reflect.ValueOf(row.v); row.known {
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(p.Elem().Interface()); err != nil || (strings.TrimSpace(b.String()) == row.doc) != row.is {
				t.Errorf("%s: encoding/json says %s, %v", name, &b, err)
			}
		}
	}
}

// TestAllocatesNothingItself: what is left is memory of the value.
//
//nolint:paralleltest // counts allocations of the whole process
func TestAllocatesNothingItself(t *testing.T) {
	doc := []byte(`{"sku":"","count":3,"price":1.5}`)
	var v line
	decode := testing.AllocsPerRun(200, func() {
		if err := plainjson.Unmarshal(doc, &v); err != nil {
			t.Fatal(err)
		}
	})
	encode := testing.AllocsPerRun(200, func() {
		if same, ok := plainjson.Encodes(&v, doc); !same || !ok {
			t.Fatal("it is not encoded as the document")
		}
	})
	if limit := allowed; decode > limit || encode > limit {
		t.Errorf("decoding allocates %v times, comparing %v times, at most %v", decode, encode, limit)
	}
}
