package seal_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
)

const (
	orders = "arn:aws:lambda:eu-west-1:111122223333:function:orders:$LATEST/durable-execution/o-1/5a1e"
	other  = "arn:aws:lambda:eu-west-1:111122223333:function:orders:$LATEST/durable-execution/o-2/77aa"
	bills  = "arn:aws:lambda:eu-west-1:111122223333:function:bills:live/durable-execution/b-9/c0de"
)

// at is a place in an execution.
func at(arn, id string, p codec.Part) codec.Meta {
	return codec.Meta{ExecutionARN: arn, OperationID: id, OperationName: "charge", Part: p}
}

// invoke is a place of an operation that invokes a function.
func invoke(arn, id, function string, p codec.Part) codec.Meta {
	m := at(arn, id, p)
	m.Function = function

	return m
}

// forked is a place in an execution that was forked from others.
func forked(m codec.Meta, from ...string) codec.Meta {
	m.ForkedFrom = from
	return m
}

func newKey(tb testing.TB, id string) *seal.Key {
	tb.Helper()

	k, err := seal.GenerateKey(id)
	if err != nil {
		tb.Fatal(err)
	}

	return k
}

func sealed(t *testing.T, c codec.Codec, m codec.Meta, v string) []byte {
	t.Helper()

	p, err := codec.Encode(t.Context(), c, m, v)
	if err != nil {
		t.Fatal(err)
	}

	return p
}

func TestPayloadIsOpenedWhereItBelongsAlone(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason   string
		from, to codec.Meta
		opens    bool
	}{
		{reason: "its own place", from: at(orders, "a", codec.PartResult), to: at(orders, "a", codec.PartResult), opens: true},
		{reason: "the handler's result", from: at(orders, "", codec.PartResult), to: at(orders, "", codec.PartResult), opens: true},
		{reason: "another operation", from: at(orders, "a", codec.PartResult), to: at(orders, "b", codec.PartResult)},
		{reason: "the handler instead of an operation", from: at(orders, "a", codec.PartResult), to: at(orders, "", codec.PartResult)},
		{reason: "another execution", from: at(orders, "a", codec.PartResult), to: at(other, "a", codec.PartResult)},
		{reason: "another execution's handler", from: at(orders, "", codec.PartResult), to: at(other, "", codec.PartResult)},
		{reason: "another part", from: at(orders, "a", codec.PartState), to: at(orders, "a", codec.PartResult)},
		{reason: "a failure instead of a result", from: at(orders, "a", codec.PartFailure), to: at(orders, "a", codec.PartResult)},
		{reason: "a result as input of the handler", from: at(orders, "", codec.PartResult), to: at(orders, "", codec.PartInput)},

		{
			reason: "the input of an invoke, in the function", opens: true,
			from: invoke(orders, "a", "bills:live", codec.PartInput), to: at(bills, "", codec.PartInput),
		},
		{
			reason: "by ARN", opens: true, to: at(bills, "", codec.PartInput),
			from: invoke(orders, "a", "arn:aws:lambda:eu-west-1:111122223333:function:bills:live", codec.PartInput),
		},
		{
			reason: "by account and name", opens: true, to: at(bills, "", codec.PartInput),
			from: invoke(orders, "a", "111122223333:function:bills", codec.PartInput),
		},
		{
			reason: "in its own place", opens: true,
			from: invoke(orders, "a", "bills", codec.PartInput), to: invoke(orders, "a", "bills", codec.PartInput),
		},
		{
			reason: "in another execution's place",
			from:   invoke(orders, "a", "bills", codec.PartInput), to: invoke(other, "a", "bills", codec.PartInput),
		},
		{reason: "in another function", from: invoke(orders, "a", "refunds", codec.PartInput), to: at(bills, "", codec.PartInput)},
		{
			reason: "in the same function of another account", to: at(bills, "", codec.PartInput),
			from: invoke(orders, "a", "arn:aws:lambda:eu-west-1:999900001111:function:bills", codec.PartInput),
		},
		{
			reason: "in the same function of another region", to: at(bills, "", codec.PartInput),
			from: invoke(orders, "a", "arn:aws:lambda:us-east-1:111122223333:function:bills", codec.PartInput),
		},
		{
			reason: "as result of the function",
			from:   invoke(orders, "a", "bills", codec.PartInput), to: at(bills, "", codec.PartResult),
		},
		{
			reason: "as state of an operation of the function",
			from:   invoke(orders, "a", "bills", codec.PartInput), to: at(bills, "x", codec.PartInput),
		},
		{
			reason: "the state of an operation as input of a handler",
			from:   at(orders, "a", codec.PartInput), to: at(bills, "", codec.PartInput),
		},
		{
			reason: "the input of a successor", opens: true,
			from: invoke(orders, "", "orders", codec.PartInput), to: at(other, "", codec.PartInput),
		},

		{
			reason: "the result of an invoked function", opens: true,
			from: at(bills, "", codec.PartResult), to: invoke(orders, "a", "bills:live", codec.PartResult),
		},
		{
			reason: "its failure", opens: true,
			from: at(bills, "", codec.PartFailure), to: invoke(orders, "a", "bills:live", codec.PartFailure),
		},
		{
			reason: "its failure as result",
			from:   at(bills, "", codec.PartFailure), to: invoke(orders, "a", "bills:live", codec.PartResult),
		},
		{
			reason: "the result of another function",
			from:   at(other, "", codec.PartResult), to: invoke(orders, "a", "bills", codec.PartResult),
		},
		{
			reason: "the result of one of its operations",
			from:   at(bills, "x", codec.PartResult), to: invoke(orders, "a", "bills", codec.PartResult),
		},
		{
			reason: "a function's result where nothing was invoked",
			from:   at(bills, "", codec.PartResult), to: at(orders, "a", codec.PartResult),
		},
		{
			reason: "an input for the function as its result",
			from:   invoke(orders, "", "bills", codec.PartInput), to: invoke(orders, "a", "bills", codec.PartResult),
		},

		{
			reason: "a fork reads what it was forked from", opens: true,
			from: at(orders, "a", codec.PartResult), to: forked(at(other, "a", codec.PartResult), orders),
		},
		{
			reason: "a fork of a fork", opens: true,
			from: at(bills, "a", codec.PartState), to: forked(at(other, "a", codec.PartState), orders, bills),
		},
		{
			reason: "a fork reads its own", opens: true,
			from: at(other, "a", codec.PartResult), to: forked(at(other, "a", codec.PartResult), orders),
		},
		{
			reason: "a fork and another operation",
			from:   at(orders, "a", codec.PartResult), to: forked(at(other, "b", codec.PartResult), orders),
		},
		{
			reason: "the original reads nothing of the fork",
			from:   at(other, "a", codec.PartResult), to: at(orders, "a", codec.PartResult),
		},
		{
			reason: "a fork of something else",
			from:   at(orders, "a", codec.PartResult), to: forked(at(other, "a", codec.PartResult), bills),
		},
		{reason: "a place without an execution", from: at(orders, "a", codec.PartResult), to: at("", "a", codec.PartResult)},
	}

	c := codec.Chain(codec.JSON(), seal.New(seal.Static(newKey(t, "k1"))))

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			var got string

			err := codec.Decode(t.Context(), c, tt.to, sealed(t, c, tt.from, "4111 1111"), &got)
			if tt.opens {
				if err != nil || got != "4111 1111" {
					t.Errorf("Decode = %q, %v, want the payload", got, err)
				}

				return
			}

			if !errors.Is(err, seal.ErrMoved) || codec.IsTransient(err) || got != "" {
				t.Errorf("Decode = %q, %v, want ErrMoved for good", got, err)
			}
		})
	}
}

func TestErrorNamesBothPlaces(t *testing.T) {
	t.Parallel()

	c := codec.Chain(codec.JSON(), seal.New(seal.Static(newKey(t, "k1"))))
	tests := []struct{ from, want string }{
		{
			from: string(sealed(t, c, at(orders, "a", codec.PartState), "x")),
			want: `for state of operation "a" of execution "` + orders + `", and it stands at result of the handler of execution "` + other + `"`,
		},
		{
			from: string(sealed(t, c, invoke(orders, "a", "bills", codec.PartInput), "x")),
			want: `for input of function "bills" from operation "a" of execution "` + orders + `", and`,
		},
	}

	for _, tt := range tests {
		err := codec.Decode(t.Context(), c, at(other, "", codec.PartResult), []byte(tt.from), new(string))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error = %v, want it to contain %s", err, tt.want)
		}
	}
}

func TestEachBitIsProtected(t *testing.T) {
	t.Parallel()

	k := newKey(t, "k1")
	tr := seal.New(seal.Static(k))
	stage := codec.Stage{Meta: at(orders, "a", codec.PartResult), Through: "zstd"}

	p, ok, err := tr.Apply(t.Context(), stage, []byte("4111 1111"))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}

	for i := range len(p) * 8 {
		q := slices.Clone(p)
		q[i/8] ^= 1 << (i % 8)

		if out, err := tr.Revert(t.Context(), stage, q); err == nil {
			t.Fatalf("bit %d changed: opened as %q", i, out)
		}
	}

	for n := range p {
		if _, err := tr.Revert(t.Context(), stage, p[:n]); err == nil {
			t.Fatalf("cut off after %d bytes: opened", n)
		}
	}

	if _, err := tr.Revert(t.Context(), stage, append(slices.Clone(p), 0)); !errors.Is(err, seal.ErrChanged) {
		t.Errorf("a byte added: %v, want ErrChanged", err)
	}

	stage.Through = "gzip"
	if _, err := tr.Revert(t.Context(), stage, p); !errors.Is(err, seal.ErrChanged) {
		t.Errorf("other transforms before: %v, want ErrChanged", err)
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()

	old, now, next := newKey(t, "2025"), newKey(t, "2026"), newKey(t, "2027")
	another := newKey(t, "2025") // of that ID, with another secret
	m := at(orders, "a", codec.PartResult)
	chain := func(sealing *seal.Key, others ...*seal.Key) codec.Codec {
		return codec.Chain(codec.JSON(), seal.New(seal.Static(sealing, others...)))
	}

	tests := []struct {
		reason        string
		writer, reads codec.Codec
		is            error
	}{
		{reason: "the key before", writer: chain(old), reads: chain(now, old)},
		{reason: "the key after, which other code seals with already", writer: chain(next), reads: chain(now, next)},
		{reason: "a key that was dropped too early", writer: chain(old), reads: chain(now, next), is: seal.ErrNoKey},
		{reason: "another secret under the ID", writer: chain(old), reads: chain(another), is: seal.ErrChanged},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			var got string

			err := codec.Decode(t.Context(), tt.reads, m, sealed(t, tt.writer, m, "paid"), &got)
			if !errors.Is(err, tt.is) || (err == nil) != (got == "paid") || codec.IsTransient(err) {
				t.Errorf("Decode = %q, %v, want %v", got, err, tt.is)
			}
		})
	}
}

// ring is a keyring that fails.
type ring struct {
	key *seal.Key
	err error
}

func (r ring) SealingKey(context.Context, seal.Origin) (*seal.Key, error) { return r.key, r.err }

func (r ring) OpeningKey(context.Context, seal.Origin, string) (*seal.Key, error) {
	return r.key, r.err
}

func TestFailuresOfTheKeyringArePassedOn(t *testing.T) {
	t.Parallel()

	k := newKey(t, "k1")
	late, m := codec.Transient(errors.New("late")), at(orders, "a", codec.PartResult)
	p := sealed(t, codec.Chain(codec.JSON(), seal.New(seal.Static(k))), m, "paid")

	tests := []struct {
		reason     string
		keys       seal.Keyring
		transient  bool
		encs, decs string
	}{
		{
			reason: "late", keys: ring{err: late}, transient: true, encs: "seal: get the key to seal with: late",
			decs: `seal: get the key of result of operation "a" of execution "` + orders + `": late`,
		},
		{
			reason: "no key and no error", keys: ring{}, encs: "seal: the keyring returned no key to seal with",
			decs: "the keyring does not have the key",
		},
		{reason: "no keyring", keys: nil, encs: "seal.New: the keyring is nil", decs: "seal.New: the keyring is nil"},
		{reason: "a nil key", keys: seal.Static(k, nil), encs: "seal.Static: a key is nil", decs: "seal.Static: a key is nil"},
		{
			reason: "one ID twice", keys: seal.Static(k, newKey(t, "k1")),
			encs: `two keys have the ID "k1"`, decs: `two keys have the ID "k1"`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			c := codec.Chain(codec.JSON(), seal.New(tt.keys))
			_, enc := codec.Encode(t.Context(), c, m, "x")
			dec := codec.Decode(t.Context(), c, m, p, new(string))

			for _, f := range []struct {
				err  error
				want string
			}{{enc, tt.encs}, {dec, tt.decs}} {
				if f.err == nil || !strings.Contains(f.err.Error(), f.want) || codec.IsTransient(f.err) != tt.transient {
					t.Errorf("error = %v, transient %v, want %s, %v", f.err, codec.IsTransient(f.err), f.want, tt.transient)
				}
			}
		})
	}

	_, err := codec.Encode(t.Context(), codec.Chain(codec.JSON(), seal.New(seal.Static(k))), codec.Meta{OperationName: "a"}, 1)
	if err == nil || !strings.Contains(err.Error(), "codec.Meta does not name one") {
		t.Errorf("sealing without an execution: %v", err)
	}
}

func TestPlainPayloadsAreReadUnlessSealingIsRequired(t *testing.T) {
	t.Parallel()

	s, m := seal.New(seal.Static(newKey(t, "k1"))), at(orders, "a", codec.PartResult)

	var got string
	if err := codec.Decode(t.Context(), codec.Chain(codec.JSON(), s), m, []byte(`"paid"`), &got); err != nil || got != "paid" {
		t.Errorf("Decode = %q, %v, want paid", got, err)
	}

	if err := codec.Decode(t.Context(), codec.Chain(codec.JSON(), codec.Required(s)), m, []byte(`"paid"`), &got); err == nil {
		t.Error("a plain payload was read where sealing is required")
	}
}

func TestNothingOfThePayloadShows(t *testing.T) {
	t.Parallel()

	secret := []byte("0123456789abcdef0123456789abcdef")

	k, err := seal.NewKey("k1", secret)
	if err != nil {
		t.Fatal(err)
	}

	c := codec.Chain(codec.JSON(), seal.New(seal.Static(k)))
	p := sealed(t, c, at(orders, "a", codec.PartResult), "4111 1111 1111 1111")
	again := sealed(t, c, at(orders, "a", codec.PartResult), "4111 1111 1111 1111")

	body, err := base64.RawURLEncoding.DecodeString(strings.Trim(string(p[len(`"~perdure1:seal:b`):]), `"`))
	if err != nil {
		t.Fatal(err)
	}

	if strings.Contains(string(p), "4111") || strings.Contains(string(body), "4111") || string(p) == string(again) {
		t.Errorf("the payload shows: %s", p)
	}

	var log strings.Builder

	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", slog.Any("key", k))
	inJSON, err := json.Marshal(k)
	shown := fmt.Sprintf("%v %+v %#v %s %q %s %s", k, k, k, k, k, inJSON, log.String())

	if err != nil || strings.Contains(shown, "0123456789abcdef") || !strings.Contains(shown, "k1") {
		t.Errorf("a key prints as %s, %v", shown, err)
	}

	info, err := seal.Inspect(body)
	if want := (seal.Info{KeyID: "k1", Origin: seal.OriginOf(at(orders, "a", codec.PartResult))}); err != nil || info != want {
		t.Errorf("Inspect = %+v, %v, want %+v", info, err, want)
	}
}

func TestKeysThatAreNoKeys(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason, id string
		size       int
		want       string
	}{
		{reason: "no ID", size: 32, want: "seal: the ID of a key has 0 bytes: use 1 to 8192"},
		{reason: "a long ID", id: strings.Repeat("a", 8193), size: 32, want: "seal: the ID of a key has 8193 bytes: use 1 to 8192"},
		{
			reason: "a key of AES-128", id: "k1", size: 16,
			want: `seal: key "k1" has 16 bytes: AES-256 needs 32, from openssl rand -base64 32 for example`,
		},
		{
			reason: "an ID that is no text", id: "\xff" + strings.Repeat("é", 40),
			want: `seal: key "` + "\uFFFD" + strings.Repeat("é", 30) + `…" has 0 bytes: AES-256 needs 32, from openssl rand -base64 32 for example`,
		},
	}

	for _, tt := range tests {
		if _, err := seal.NewKey(tt.id, make([]byte, tt.size)); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.reason, err, tt.want)
		}
	}
}
