package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCallsWaitForTheFirstBuild: a call of a function that is being built waits for it, and is
// answered with what is wrong if it does not come.
func TestCallsWaitForTheFirstBuild(t *testing.T) {
	t.Parallel()
	const invoke = "/2015-03-31/functions/"
	tests := []struct {
		reason, path    string
		built, compiles bool
		status          int // zero if the service answers
		says            string
	}{
		{reason: "it is built meanwhile", path: invoke + "order/invocations", built: true, compiles: true},
		{
			reason: "it does not compile", path: invoke + "order:live/invocations", built: true,
			status: http.StatusNotFound, says: "does not compile",
		},
		{
			reason: "the build takes longer than clients wait", status: http.StatusServiceUnavailable,
			path: invoke + "arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Aorder%3A%24LATEST/invocations", says: "is being built for the first time",
		},
		{reason: "another function", path: invoke + "payment/invocations"},
		{reason: "no call of a function", path: "/2025-12-01/durable-executions/order"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			f := &function{name: "order", first: make(chan struct{})}
			s := &site{functions: []*function{f}}
			if tt.built {
				time.AfterFunc(time.Second, func() { f.hosted.Store(tt.compiles); close(f.first) })
			}
			begin := time.Now()
			answer := s.whileBuilding(httptest.NewRequestWithContext(t.Context(), http.MethodPost, tt.path, nil), 5*time.Second)
			if (answer != nil) != (tt.status != 0) {
				t.Fatalf("%s: answered: %v", tt.reason, answer != nil)
			}
			if tt.built && time.Since(begin) != time.Second {
				t.Errorf("%s: it waited %v", tt.reason, time.Since(begin))
			}
			if answer == nil {
				return
			}
			w := httptest.NewRecorder()
			answer(w)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("%s: %d %s", tt.reason, w.Code, w.Body)
			}
		})
	}
}
