package cli

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// TestForkedFromFailsForNow: only a service that does not know the call is taken for one that has
// no forks. A history without what it was forked from diverges in rehearsals.
func TestForkedFromFailsForNow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		status       int
		known, fails bool
	}{
		{name: "unknown call", reason: "another service", status: http.StatusNotFound, known: true},
		{name: "refused call", reason: "another service may call it that", status: http.StatusBadRequest, known: true},
		{name: "answer of a stranger", reason: "it is not of the API", status: http.StatusNotFound},
		{name: "fault", reason: "it may be over the next time", status: http.StatusInternalServerError, known: true, fails: true},
		{name: "throttled once", reason: "the next call is answered", status: http.StatusTooManyRequests, known: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if calls.Add(1) > 1 {
					tt.status = http.StatusNotFound
				}
				if tt.known {
					w.Header().Set("X-Amzn-Requestid", "r")
				}
				w.WriteHeader(tt.status)
			}))
			defer server.Close()
			a := &app{endpoint: server.URL, timeout: time.Minute}
			if from, err := a.forkedFrom(t.Context(), "arn"); (err != nil) != tt.fails || from != nil {
				t.Errorf("%s: got %v, %v", tt.reason, from, err)
			}
		})
	}
	t.Run("no service", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		if _, err := (&app{endpoint: server.URL, timeout: time.Minute}).forkedFrom(t.Context(), "arn"); err == nil {
			t.Error("the service is gone, and there is no error")
		}
	})
}
