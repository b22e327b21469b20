package offload_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/seal"
)

const (
	orders = "arn:aws:lambda:eu-west-1:111122223333:function:orders:$LATEST/durable-execution/o-1/5a1e"
	next   = "arn:aws:lambda:eu-west-1:111122223333:function:orders:$LATEST/durable-execution/o-2/77aa"
	bills  = "arn:aws:lambda:eu-west-1:111122223333:function:bills:live/durable-execution/b-9/c0de"
)

var (
	charge = codec.Meta{ExecutionARN: orders, OperationID: "7d1f", OperationName: "charge"}
	began  = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
)

// memory is a store whose failures are set.
type memory struct {
	mu       sync.Mutex
	objects  map[offload.Key][]byte
	put, get error
}

func (m *memory) Put(_ context.Context, k offload.Key, object []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()

	if m.put != nil {
		return m.put
	}

	if m.objects == nil {
		m.objects = map[offload.Key][]byte{}
	}

	m.objects[k] = bytes.Clone(object)

	return nil
}

func (m *memory) Get(_ context.Context, k offload.Key, size int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	if m.get != nil {
		return nil, m.get
	}

	o, ok := m.objects[k]
	if !ok {
		return nil, fmt.Errorf("memory: %w", fs.ErrNotExist)
	}

	return slices.Clone(o[:min(int64(len(o)), size+1)]), nil
}

// change replaces all objects.
func (m *memory) change(f func([]byte) []byte) {
	for k, o := range m.objects {
		m.objects[k] = f(o)
	}
}

// watch is a clock that is set.
type watch struct{ now time.Time }

func (w *watch) read() time.Time { return w.now }

func TestLongPayloadsAreKeptInTheStore(t *testing.T) {
	t.Parallel()

	sum := func(s string) string {
		h := sha256.Sum256([]byte(s))
		return hex.EncodeToString(h[:])
	}

	tests := []struct {
		reason string
		opts   []offload.Option
		before []codec.Transform
		v      string
		want   string
	}{
		{reason: "under the threshold", opts: []offload.Option{offload.WithThreshold(7)}, v: "paid", want: `"paid"`},
		{
			reason: "at the threshold", opts: []offload.Option{offload.WithThreshold(6)}, v: "paid",
			want: `"~perdure1:offload:t2 ` + sum(`"paid"`) + ` 6 1772366400 ` + offload.Scope(orders) + ` oa6768dcfe649ca027436fcae59fe33de\n\"paid\""`,
		},
		{
			reason: "all", opts: []offload.Option{offload.WithThreshold(0), offload.WithPreview(0)}, v: "",
			want: `"~perdure1:offload:t2 ` + sum(`""`) + ` 2 1772366400 ` + offload.Scope(orders) + ` oa6768dcfe649ca027436fcae59fe33de\n"`,
		},
		{
			reason: "a preview ends with a whole character", v: "aé",
			opts: []offload.Option{offload.WithThreshold(0), offload.WithPreview(3)},
			want: `"~perdure1:offload:t2 ` + sum(`"aé"`) + ` 5 1772366400 ` + offload.Scope(orders) + ` oa6768dcfe649ca027436fcae59fe33de\n\"a"`,
		},
		{reason: "the default threshold", v: strings.Repeat("a", 131069), want: `"` + strings.Repeat("a", 131069) + `"`},
		{
			reason: "the defaults", v: strings.Repeat("a", 131070),
			want: `"~perdure1:offload:t2 ` + sum(`"`+strings.Repeat("a", 131070)+`"`) + ` 131072 1772366400 ` +
				offload.Scope(orders) + ` oa6768dcfe649ca027436fcae59fe33de\n\"` + strings.Repeat("a", 127) + `"`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			store, clock := &memory{}, &watch{began}
			o := offload.New(store, append(tt.opts, offload.WithClock(clock.read))...)
			c := codec.Chain(codec.JSON(), append(tt.before, o)...)

			p, err := codec.Encode(t.Context(), c, charge, tt.v)
			if err != nil || string(p) != tt.want {
				t.Errorf("Encode = %s, %v, want %s", p, err, tt.want)
			}

			if kept := strings.HasPrefix(tt.want, `"~`); kept != (len(store.objects) == 1) {
				t.Errorf("the store has %d objects", len(store.objects))
			}

			var got string
			if err := codec.Decode(t.Context(), c, charge, p, &got); err != nil || got != tt.v {
				t.Errorf("Decode = %q, %v, want %q", got, err, tt.v)
			}
		})
	}
}

func TestSealedPayloadsLeaveNoPreview(t *testing.T) {
	t.Parallel()

	k, err := seal.GenerateKey("k1")
	if err != nil {
		t.Fatal(err)
	}

	store := &memory{}
	c := codec.Chain(codec.JSON(), seal.New(seal.Static(k)), offload.New(store, offload.WithThreshold(0)))

	p, err := codec.Encode(t.Context(), c, charge, "4111 1111")
	if err != nil {
		t.Fatal(err)
	}

	info, ok, err := offload.Inspect(p)
	if err != nil || !ok || info.Preview != "" || strings.Contains(string(p), "4111") {
		t.Errorf("Inspect = %+v, %v, %v; the record is %s", info, ok, err, p)
	}

	for _, o := range store.objects {
		if bytes.Contains(o, []byte("4111")) || int64(len(o)) != info.Size {
			t.Errorf("the object is %q", o)
		}
	}

	moved := charge
	moved.OperationID = "0e55"

	if err := codec.Decode(t.Context(), c, moved, p, new(string)); !errors.Is(err, seal.ErrMoved) {
		t.Errorf("a reference that was moved: %v, want ErrMoved", err)
	}
}

func TestObjectsThatCannotBeRead(t *testing.T) {
	t.Parallel()

	denied := errors.New("denied")

	tests := []struct {
		reason    string
		later     time.Duration
		damage    func(*memory)
		is        error
		transient bool
		want      string // a part of the message
	}{
		{reason: "there", damage: func(*memory) {}},
		{
			reason: "not there yet", later: 15*time.Minute - time.Second, damage: func(m *memory) { m.objects = nil },
			is: offload.ErrAbsent, transient: true, want: "written 14m59s ago: it may still arrive",
		},
		{
			reason: "lost", later: 15 * time.Minute, damage: func(m *memory) { m.objects = nil },
			is: offload.ErrAbsent, want: "written at 2026-03-01T12:00:00Z: it was lost, or removed while it was needed",
		},
		{
			reason: "changed", is: offload.ErrMismatch, want: "has the hash ",
			damage: func(m *memory) { m.change(func(b []byte) []byte { b[1] ^= 1; return b }) },
		},
		{
			reason: "cut off", is: offload.ErrMismatch, want: "has 5 bytes, and 6 were written",
			damage: func(m *memory) { m.change(func(b []byte) []byte { return b[:5] }) },
		},
		{
			reason: "longer", is: offload.ErrMismatch, want: "has 7 bytes, and 6 were written",
			damage: func(m *memory) { m.change(func(b []byte) []byte { return append(b, "xxxx"...) }) },
		},
		{reason: "an error of the store", is: denied, want: ": denied", damage: func(m *memory) { m.get = denied }},
		{
			reason: "a store that is late", is: denied, transient: true, want: ": denied",
			damage: func(m *memory) { m.get = codec.Transient(denied) },
		},
		{
			reason: "absence counts, whatever the store calls it", later: time.Hour, is: offload.ErrAbsent, want: "it was lost",
			damage: func(m *memory) { m.get = codec.Transient(fs.ErrNotExist) },
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			store, clock := &memory{}, &watch{began}
			c := codec.Chain(codec.JSON(), offload.New(store, offload.WithThreshold(0), offload.WithClock(clock.read)))

			p, err := codec.Encode(t.Context(), c, charge, "paid")
			if err != nil {
				t.Fatal(err)
			}

			tt.damage(store)
			clock.now = began.Add(tt.later)

			err = codec.Decode(t.Context(), c, charge, p, new(string))
			if !errors.Is(err, tt.is) || codec.IsTransient(err) != tt.transient || (err == nil) != (tt.is == nil) {
				t.Fatalf("Decode = %v, transient %v, want %v, %v", err, codec.IsTransient(err), tt.is, tt.transient)
			}

			info, _, _ := offload.Inspect(p)
			for _, part := range []string{tt.want, info.Key.String(), `result of operation "charge" ("7d1f")`} {
				if err != nil && !strings.Contains(err.Error(), part) {
					t.Errorf("message %v does not contain %s", err, part)
				}
			}
		})
	}
}

func TestObjectsThatCannotBeWritten(t *testing.T) {
	t.Parallel()

	late := codec.Transient(errors.New("late"))

	tests := []struct {
		reason    string
		store     offload.Store
		meta      codec.Meta
		transient bool
		want      string
	}{
		{reason: "the store is late", store: &memory{put: late}, meta: charge, transient: true, want: `("7d1f"): late`},
		{reason: "no store", meta: charge, want: "offload.New: the store is nil"},
		{reason: "no execution", store: &memory{}, want: "codec.Meta does not name one"},
		{
			reason: "of the handler", store: &memory{put: errors.New("full")}, meta: codec.Meta{ExecutionARN: orders},
			want: "of result of the handler: full",
		},
		{
			reason: "of an operation without a record", store: &memory{put: errors.New("full")},
			meta: codec.Meta{ExecutionARN: orders, OperationName: "bill", Part: codec.PartInput}, want: `of input of operation "bill": full`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			c := codec.Chain(codec.JSON(), offload.New(tt.store, offload.WithThreshold(0)))

			p, err := codec.Encode(t.Context(), c, tt.meta, "paid")
			if err == nil || !strings.Contains(err.Error(), tt.want) || codec.IsTransient(err) != tt.transient {
				t.Errorf("Encode = %s, %v, want %s, transient %v", p, err, tt.want, tt.transient)
			}
		})
	}

	c := codec.Chain(codec.JSON(), offload.New(nil))
	if err := codec.Decode(t.Context(), c, charge, []byte(`"~perdure1:offload:t1"`), new(string)); err == nil {
		t.Error("a store that is nil was read")
	}
}

func TestReferencesThatAreNone(t *testing.T) {
	t.Parallel()

	hash, scope := strings.Repeat("0a", 32), offload.Scope(orders)
	c := codec.Chain(codec.Raw(), offload.New(&memory{}))

	tests := []struct{ reason, ref, want string }{
		{reason: "nothing", ref: "", want: "it was cut off or changed"},
		{reason: "no end of the line", ref: "1 " + hash + " 6 1 " + scope, want: "it was cut off or changed"},
		{reason: "a later version", ref: "3 anything\n", want: "of version 3, and this code reads version 2"},
		{reason: "a folder above", ref: "1 " + hash + " 6 1 ..\n", want: "it was cut off or changed"},
		{reason: "a path", ref: "1 " + hash + " 6 1 a/b\n", want: "it was cut off or changed"},
		{reason: "no scope", ref: "1 " + hash + " 6 1 \n", want: "it was cut off or changed"},
		{reason: "a long scope", ref: "1 " + hash + " 6 1 " + strings.Repeat("a", 129) + "\n", want: "it was cut off or changed"},
		{reason: "a short hash", ref: "1 " + hash[2:] + " 6 1 " + scope + "\n", want: "it was cut off or changed"},
		{reason: "a hash that is a path", ref: "1 ../" + hash[3:] + " 6 1 " + scope + "\n", want: "it was cut off or changed"},
		{reason: "less than nothing", ref: "1 " + hash + " -6 1 " + scope + "\n", want: "it was cut off or changed"},
		{reason: "too much", ref: "1 " + hash + " 9999999999999999999 1 " + scope + "\n", want: "it was cut off or changed"},
		{reason: "no place", ref: "2 " + hash + " 6 1 " + scope + "\n", want: "it was cut off or changed"},
		{reason: "a place that is none", ref: "2 " + hash + " 6 1 " + scope + " x" + hash[:32] + "\n", want: "it was cut off or changed"},
		{reason: "a place that was cut off", ref: "2 " + hash + " 6 1 " + scope + " o" + hash[:31] + "\n", want: "it was cut off or changed"},
		{reason: "more fields", ref: "1 " + hash + " 6 1 " + scope + " x\n", want: "it was cut off or changed"},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			p := []byte(`"~perdure1:offload:t` + strings.ReplaceAll(tt.ref, "\n", `\n`) + `"`)

			err := codec.Decode(t.Context(), c, charge, p, new(string))
			if err == nil || !strings.Contains(err.Error(), tt.want) || codec.IsTransient(err) {
				t.Errorf("Decode = %v, want %s", err, tt.want)
			}

			if _, ok, err := offload.Inspect(p); ok || err == nil {
				t.Errorf("Inspect = %v, %v, want an error", ok, err)
			}
		})
	}
}

func TestInspectFindsReferencesOnTop(t *testing.T) {
	t.Parallel()

	ref := "1 " + strings.Repeat("0a", 32) + " 6 1 s"

	tests := []struct {
		reason, payload string
		ok, fails       bool
	}{
		{reason: "plain", payload: `"paid"`},
		{reason: "absent", payload: ``},
		{reason: "sealed and small", payload: `"~perdure1:seal:bAAAA"`},
		{reason: "offloaded", payload: `"~perdure1:offload:t` + ref + `\n"`, ok: true},
		{reason: "offloaded after others", payload: `"~perdure1:zstd,seal,offload:t` + ref + `\n"`, ok: true},
		{reason: "the reference is sealed", payload: `"~perdure1:offload,seal:bAAAA"`, fails: true},
		{reason: "of a later version", payload: `"~perdure2:what"`, fails: true},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			if _, ok, err := offload.Inspect([]byte(tt.payload)); ok != tt.ok || (err != nil) != tt.fails {
				t.Errorf("Inspect = %v, %v, want %v, fails %v", ok, err, tt.ok, tt.fails)
			}
		})
	}
}
