package replay_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// A function that is stopped while another waits for it fails that one's operation, with what the
// one who stopped it said, live and on each replay.
func TestInvokedFunctionIsStopped(t *testing.T) {
	t.Parallel()
	svc := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
	t.Cleanup(func() { _ = svc.Close() })
	target := replay.Handler(func(ctx op.Context, in string) (string, error) {
		return in, replay.Exec(ctx, op.Wait("long", time.Hour))
	})
	seen := 0
	caller := replay.Handler(func(ctx op.Context, in string) (string, error) {
		_, err := replay.Run(ctx, op.Invoke[string]("call", "target", in))
		seen++
		if !errors.Is(err, op.ErrStopped) || err.Error() != "maintenance" {
			t.Errorf("the operation ended with %v, want it stopped for maintenance", err)
		}
		return "went on", replay.Exec(ctx, op.Wait("after", time.Second))
	})
	must(t, svc.Host("target", target))
	must(t, svc.Host("caller", caller))
	e, err := svc.Start(t.Context(), "caller", "x", []byte(`"in"`))
	must(t, err)
	must(t, e.RunUntilSuspended(t.Context()))
	stopped := 0
	for _, other := range svc.Executions() {
		if strings.Contains(other.ARN(), ":target:") {
			must(t, other.RunUntilSuspended(t.Context()))
			must(t, other.Stop(&checkpoint.Failure{Type: "Maintenance", Message: "maintenance"}))
			stopped++
		}
	}
	must(t, e.Drive(t.Context()))
	if got := string(e.Result()); got != `"went on"` || seen != 2 || stopped != 1 {
		t.Errorf("the caller ended with %s after seeing the end %d times, of %d functions", got, seen, stopped)
	}
}
