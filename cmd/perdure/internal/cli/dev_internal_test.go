package cli

import (
	"net"
	"testing"
	"time"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// What a program prints as its address is one that others can be given.
func TestReachableAddress(t *testing.T) {
	t.Parallel()
	tests := []struct{ reason, ip, want string }{
		{"every address of IPv4 is no address", "0.0.0.0", "127.0.0.1:9090"},
		{"nor is every address there is", "::", "127.0.0.1:9090"},
		{"one of them stays", "192.0.2.7", "192.0.2.7:9090"},
		{"loopback stays", "127.0.0.1", "127.0.0.1:9090"},
		{"of IPv6 too", "::1", "[::1]:9090"},
	}
	for _, tt := range tests {
		if got := reachable(&net.TCPAddr{IP: net.ParseIP(tt.ip), Port: 9090}); got != tt.want {
			t.Errorf("%s: %s gives %s, want %s", tt.reason, tt.ip, got, tt.want)
		}
	}
	if got := reachable(&net.TCPAddr{Port: 9090}); got != "127.0.0.1:9090" {
		t.Errorf("without an address: %s", got)
	}
}

// Durations are shown as people write them, and are the same when they are read again.
func TestExactDurations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{30 * time.Second, "30s"},
		{100 * time.Second, "1m40s"},
		{15 * time.Minute, "15m"},
		{20*time.Minute + 10*time.Second, "20m10s"},
		{90 * time.Minute, "1h30m"},
		{10 * time.Hour, "10h"},
		{time.Hour + time.Second, "1h0m1s"},
		{336 * time.Hour, "336h"},
		{-time.Hour, "-1h"},
	}
	for _, tt := range tests {
		got := view.Exact(tt.d)
		if again, err := time.ParseDuration(got); got != tt.want || again != tt.d || err != nil {
			t.Errorf("%v is shown as %q, which is %v, %v; want %q", tt.d, got, again, err, tt.want)
		}
	}
}
