package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint/local"
)

var update = flag.Bool("update", false, "write the golden files")

// virtual returns a session whose waits take no time.
func virtual(killAfter string) (*session, *bytes.Buffer) {
	out := new(bytes.Buffer)
	clock := local.NewVirtualClock(time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC))
	return &session{out: out, clock: clock, killAfter: killAfter}, out
}

func shippedOrder(t *testing.T, name string) Order {
	t.Helper()
	o, err := readOrder([]string{name}, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOutput(t *testing.T) {
	t.Parallel()
	tests := []struct{ order, killAfter, reason string }{
		{order: "tea", reason: "the wait makes two invocations"},
		{order: "shelves", reason: "the depot throttles: reserve-stock has two attempts; the manager approves"},
		{order: "declined", reason: "the card is refused and the stock released"},
		{order: "submarine", reason: "the manager refuses, the stock is released, and no card is charged"},
		{order: "stationery", reason: "names that are not ASCII keep the receipt aligned"},
		{order: "tea", killAfter: chargeCard, reason: "the charge is replayed and not repeated"},
		{order: "shelves", killAfter: managerApproval + "-submitter", reason: "the manager is asked once, and no one waits for the answer in vain"},
		{order: "tea", killAfter: "ship[POT-GLASS-1L]/pack-item", reason: "the map goes on where it was"},
	}
	for _, tt := range tests {
		name := tt.order
		if tt.killAfter != "" {
			name += "-killed-after-" + strings.NewReplacer("/", "-", "[", "-", "]", "").Replace(tt.killAfter)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, out := virtual(tt.killAfter)
			if _, err := s.run(t.Context(), shippedOrder(t, tt.order)); err != nil {
				if _, ok := errors.AsType[*OrderError](err); !ok {
					t.Fatal(err)
				}
				out.WriteString("order: " + err.Error() + "\n")
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestOrderIsTheSameWhereverTheFunctionIsLost loses the function after the record of each
// operation.
func TestOrderIsTheSameWhereverTheFunctionIsLost(t *testing.T) {
	t.Parallel()
	for _, name := range shipped() {
		o := shippedOrder(t, name)
		whole, _ := virtual("")
		want, wantErr := whole.run(t.Context(), o)
		for _, operation := range operations(o) {
			t.Run(name+"/"+operation, func(t *testing.T) {
				t.Parallel()
				s, out := virtual(operation)
				got, err := s.run(t.Context(), o)
				if !strings.Contains(out.String(), "killed  ") {
					if !missing(operation, wantErr) {
						t.Fatalf("the function was not lost:\n%s", out)
					}
					return
				}
				if diff := cmp.Diff(want, got); diff != "" || text(err) != text(wantErr) {
					t.Errorf("error %v, want %v; receipt (-want +got):\n%s", err, wantErr, diff)
				}
				if s.cards.Booked() != whole.cards.Booked() || s.warehouse.Packed() != whole.warehouse.Packed() ||
					s.stock.Held() != whole.stock.Held() {
					t.Errorf("%d charges, %d parcels, %d holds; want %d, %d, %d",
						s.cards.Booked(), s.warehouse.Packed(), s.stock.Held(),
						whole.cards.Booked(), whole.warehouse.Packed(), whole.stock.Held())
				}
				if ran := strings.Count(out.String(), "ran                  "+operation+"  "); ran > 2 || ran > 1 && name != "shelves" {
					t.Errorf("%s ran %d times:\n%s", operation, ran, out)
				}
			})
		}
	}
}

// missing reports whether an order that ended with err has no record of the operation.
func missing(operation string, err error) bool {
	if err == nil {
		return operation == releaseStock
	}
	refused := strings.Contains(err.Error(), ErrRefused.Error())
	return operation == coolOffWait || strings.HasPrefix(operation, shipItems) || refused && operation == chargeCard
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRealClock(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-kill-after", chargeCard, "tea"}, strings.NewReader(""), &stdout, &stderr)
	if code != exitReceipt || stderr.Len() > 0 {
		t.Fatalf("exit status %d, %s", code, &stderr)
	}
	for _, want := range []string{"Runtime.ExitError", "invocation 3", "charges 1, parcels 3, open holds 1", "receipt A-1042", "96.10 EUR"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &stdout)
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "order.json")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	const head = `{"id":"A-1","customer":"Ada","card":"4242 4242 4242 4242","currency":"EUR",`
	const item = `{"sku":"S","name":"Shelf","quantity":1,"price":100}`
	tests := []struct {
		name, reason string
		args         []string
		stdin        string
		code         int
		want         string // on standard error
	}{
		{"help", "no order runs", []string{"-h"}, "", exitReceipt, "usage: order"},
		{"unknown flag", "the usage follows", []string{"-kill"}, "", exitUsage, "usage: order"},
		{"two orders", "one runs at a time", []string{"tea", "shelves"}, "", exitUsage, "2 arguments: name one order"},
		{"missing file", "the shipped ones are named", []string{"none.json"}, "", exitUsage, "none.json: no such file or directory; the shipped orders are declined, shelves, stationery, submarine, tea"},
		{"unknown operation", "the operations of this order are named", []string{"-kill-after", "charge", "tea"}, "", exitUsage, "order A-1042 has no such operation; it has reserve-stock, charge-card, release-stock, ship, ship[TEA-EARL-250], ship[TEA-EARL-250]/pack-item"},
		{"an item of another order", "names depend on the order", []string{"-kill-after", "ship[CUP-BLUE]/pack-item", "shelves"}, "", exitUsage, "has no such operation"},
		{"operation without a record", "the function was never lost", []string{"-kill-after", "cool-off", "declined"}, "", exitFailed, "card declined"},
		{"declined", "an order without a receipt is a failure", []string{"declined"}, "", exitFailed, "order: A-1044 failed: charge card: card declined"},
		{"refused", "the manager's answer is the reason", []string{"submarine"}, "", exitFailed, "order: A-1045 failed: approve order: the manager refused"},
		{"no approval", "a small order has none", []string{"-kill-after", "manager-approval", "tea"}, "", exitUsage, "has no such operation"},
		{"empty input", "nothing came from the pipe", []string{"-"}, "", exitUsage, "-: no order: the input is empty"},
		{"malformed", "the JSON is cut off", []string{"-"}, head, exitUsage, "not an order: unexpected EOF"},
		{"malformed file", "the file is named", []string{file("[")}, "", exitUsage, "order.json: not an order"},
		{"wrong type", "a price is in cents", []string{"-"}, head + `"items":[{"sku":"S","price":1.5}]}`, exitUsage, "not an order"},
		{"unknown field", "a misspelt one would be ignored", []string{"-"}, head + `"item":[]}`, exitUsage, `unknown field "item"`},
		{"two documents", "the second would be ignored", []string{"-"}, head + `"items":[` + item + `]} {}`, exitUsage, "not one order"},
		{"no items", "nothing to ship", []string{"-"}, head + `"items":[]}`, exitUsage, "-: the order has no items"},
		{"items missing", "the same", []string{"-"}, head + `"items":null}`, exitUsage, "the order has no items"},
		{"no pieces", "nothing to pack", []string{"-"}, head + `"items":[{"sku":"S","name":"Shelf"}]}`, exitUsage, "item S: the quantity is 0"},
		{"negative price", "a shop would pay", []string{"-"}, head + `"items":[{"sku":"S","name":"Shelf","quantity":1,"price":-1}]}`, exitUsage, "item S: the price is -1 cents"},
		{"no sku", "it is the key of the step", []string{"-"}, head + `"items":[{"name":"Shelf","quantity":1}]}`, exitUsage, "item 1 has no sku"},
		{"same sku", "keys distinguish the steps", []string{"-"}, head + `"items":[` + item + "," + item + `]}`, exitUsage, "item S is there twice"},
		{"no id", "it names the execution", []string{"-"}, `{"items":[]}`, exitUsage, `the id is ""`},
		{"no customer", "the receipt needs one", []string{"-"}, `{"id":"A-1"}`, exitUsage, "the order has no customer"},
		{"no currency", "amounts need one", []string{"-"}, `{"id":"A-1","customer":"Ada"}`, exitUsage, `the currency is ""`},
		{"short card", "16 digits", []string{"-"}, `{"id":"A-1","customer":"Ada","currency":"EUR","card":"42"}`, exitUsage, "the card does not have 16 digits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), tt.args, strings.NewReader(tt.stdin), &stdout, &stderr)
			if code != tt.code || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("%s: exit status %d and %q, want %d and %q", tt.reason, code, &stderr, tt.code, tt.want)
			}
		})
	}
}

func TestStandardInputThatBreaks(t *testing.T) {
	t.Parallel()
	broken := errors.New("the pipe is broken")
	if _, err := readOrder([]string{"-"}, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestFileIsRead(t *testing.T) {
	t.Parallel()
	o, err := readOrder([]string{filepath.Join("orders", "tea.json")}, strings.NewReader(""))
	if err != nil || o.ID != "A-1042" {
		t.Errorf("got %+v, %v", o, err)
	}
}
