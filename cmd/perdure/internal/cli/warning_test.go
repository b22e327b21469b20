package cli_test

import (
	"strings"
	"testing"
)

// TestStartWarnsOfUnqualifiedNames: AWS starts a durable function only with its version or an
// alias.
func TestStartWarnsOfUnqualifiedNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, tt := range []struct {
		reason string
		args   []string
		warned bool
	}{
		{"a name", []string{"start", "payment", `"C-7"`}, true},
		{"the name again", []string{"start", "payment", `"C-7"`}, true},
		{"as JSON", []string{"start", "payment", `"C-7"`, "-o", "json"}, true},
		{"a version", []string{"start", "payment:$LATEST", `"C-7"`}, false},
		{"an alias", []string{"start", "payment", `"C-7"`, "--qualifier", "live"}, false},
	} {
		out := s.run(tt.args...)
		if out.code != 0 || !strings.Contains(out.out, "durable-execution") {
			t.Errorf("%s: %+v", tt.reason, out)
		}
		const want = "warning: AWS starts a durable function only by its version or alias: name payment:$LATEST"
		if got := strings.Contains(out.err, want); got != tt.warned {
			t.Errorf("%s: a warning %t, want %t: %q", tt.reason, got, tt.warned, out.err)
		}
	}
}
