package cli_test

import (
	"strings"
	"testing"
)

// TestStartWarnsOfUnqualifiedNames: AWS starts a durable function only with its version or an
// alias. It is said once for a function, as long as the service runs: not for some starts and not
// for others.
func TestStartWarnsOfUnqualifiedNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	json := newSite(t)
	for _, tt := range []struct {
		site   *site
		reason string
		args   []string
		warned bool
	}{
		{s, "a name", []string{"start", "payment", `"C-7"`}, true},
		{s, "the name again", []string{"start", "payment", `"C-7"`}, false},
		{json, "as JSON, of another service", []string{"start", "payment", `"C-7"`, "-o", "json"}, true},
		{newSite(t), "a version", []string{"start", "payment:$LATEST", `"C-7"`}, false},
		{newSite(t), "an alias", []string{"start", "payment", `"C-7"`, "--qualifier", "live"}, false},
	} {
		out := tt.site.run(tt.args...)
		if out.code != 0 || !strings.Contains(out.out, "durable-execution") {
			t.Errorf("%s: %+v", tt.reason, out)
		}
		const want = "warning: AWS starts a durable function only by its version or alias: name 'payment:$LATEST'"
		if got := strings.Contains(out.err, want); got != tt.warned {
			t.Errorf("%s: a warning %t, want %t: %q", tt.reason, got, tt.warned, out.err)
		}
	}
}
