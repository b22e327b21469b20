package cli

import (
	"context"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

// What becomes of what runs is said as it is: a service without a file keeps nothing.
func TestFarewell(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason  string
		memory  bool
		running int
		want    string
	}{
		{"a file keeps what runs", false, 1, "stopping; what runs goes on at the next start"},
		{"nothing runs", true, 0, "stopping; nothing is kept with --memory"},
		{"one runs", true, 1, "stopping; nothing is kept with --memory: 1 execution that runs is lost"},
		{"two run", true, 2, "stopping; nothing is kept with --memory: 2 executions that run are lost"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			svc := local.New(local.WithClock(local.NewVirtualClock(time.Unix(0, 0))))
			defer func() { _ = svc.Close() }()
			idle := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return nil, nil })
			if err := svc.Host("f", idle); err != nil {
				t.Fatal(err)
			}
			for i := range tt.running {
				if _, err := svc.Start(t.Context(), "f", string(rune('a'+i)), nil); err != nil {
					t.Fatal(err)
				}
			}
			s := &site{devOptions: devOptions{memory: tt.memory}, service: svc}
			if got := s.farewell(); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
			}
		})
	}
}

// Times in tables say their zone, whatever the zone of the machine is.
func TestStampHasAZone(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("east", 3600))
	if got := stamp(at); got != "2026-02-28 23:30:00Z" {
		t.Errorf("%s, want it in UTC with a Z", got)
	}
}
