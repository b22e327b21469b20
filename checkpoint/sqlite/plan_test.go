package sqlite_test

import (
	"strings"
	"testing"

	"github.com/perdure/perdure/checkpoint/local"
)

// What the service asks at each start, and when it starts itself, takes no longer the more
// executions are kept.
func TestQueriesUseAnIndex(t *testing.T) {
	t.Parallel()
	s := open(t, file(t))
	const function = "arn:aws:lambda:us-east-1:123456789012:function:order"
	tests := []struct {
		name, reason string
		query        local.Query
		index        string
	}{
		{"name", "a start that gives a name", local.Query{Function: function, Name: "A-1", Limit: 1}, "executions_of_name (name=?"},
		{"unfinished", "the start of the service", local.Query{Unfinished: true}, "executions_unfinished"},
		{"function", "a list passes over other functions", local.Query{Function: function, Limit: 100}, "executions_of_function (function="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plan, err := s.Plan(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(plan, tt.index) {
				t.Errorf("%s: SQLite does %q, without the index %s", tt.reason, plan, tt.index)
			}
		})
	}
}
