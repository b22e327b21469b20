package oplog_test

import (
	"strings"
	"testing"

	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/oplog"
)

func TestSuccessorNamesCountTheChain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, first string
		round       int
		reason      string
	}{
		{"order-17", "order-17", 2, "a number at the end of a user's name is no round"},
		{"order-17-2-8f14e45fce", "order-17", 3, "a successor's name goes on counting"},
		{"order-17-99999-8f14e45fce", "order-17", 100_000, "in a long chain too"},
		{"order-17-1-8f14e45fce", "order-17-1-8f14e45fce", 2, "the first execution has no such name"},
		{"order-17-02-8f14e45fce", "order-17-02-8f14e45fce", 2, "nor is a number written like this"},
		{"order-17-2-8F14E45FCE", "order-17-2-8F14E45FCE", 2, "nor a mark"},
		{"x", "x", 2, "the shortest name"},
		{strings.Repeat("n", 64), strings.Repeat("n", 51), 2, "a name of full length loses its end"},
	}
	for _, tt := range tests {
		got := oplog.SuccessorName("arn/1", tt.name)
		first, round := oplog.Round(got)
		if first != tt.first || round != tt.round || !limits.IsExecutionName(got) {
			t.Errorf("the successor of %q is %q: first %q, round %d; want %q and %d: %s",
				tt.name, got, first, round, tt.first, tt.round, tt.reason)
		}
	}
}

func TestDerivedNamesOfExecutions(t *testing.T) {
	t.Parallel()
	a := oplog.StartedName("arn/1", "order-17", "id-1", "notify customer/now")
	if want := "order-17-notify-customer-now-"; !strings.HasPrefix(a, want) || len(a) != len(want)+16 {
		t.Errorf("the name is %q; want %q and 16 digits", a, want)
	}
	different := map[string]string{
		"another operation":   oplog.StartedName("arn/1", "order-17", "id-2", "notify customer/now"),
		"another execution":   oplog.StartedName("arn/2", "order-17", "id-1", "notify customer/now"),
		"a successor":         oplog.SuccessorName("arn/1", "order-17"),
		"another's successor": oplog.SuccessorName("arn/2", "order-17"),
	}
	seen := map[string]string{a: "the operation"}
	for what, name := range different {
		if other, taken := seen[name]; taken {
			t.Errorf("%s and %s have one name, %q", what, other, name)
		}
		seen[name] = what
	}
	long := oplog.StartedName("arn", strings.Repeat("e", 64), "id", strings.Repeat("o", 256))
	if !limits.IsExecutionName(long) || len(long) != limits.ExecutionName {
		t.Errorf("of long names came %q, with %d bytes", long, len(long))
	}
}
