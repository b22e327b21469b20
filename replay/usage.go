package replay

import (
	"log/slog"

	"github.com/perdure/perdure/checkpoint"
)

// What one execution may hold. Source: quotas of Lambda durable functions.
const (
	mostOperations = 3000
	mostBytes      = 100_000_000
)

// usage estimates what an execution holds of what it may, so that somebody is told before the
// service refuses more. It is guarded by the invocation's lock.
type usage struct {
	operations, bytes int
	warned            bool
}

// usageOf estimates what a log holds. A step counts once for each attempt.
func usageOf(log *checkpoint.Log) (u usage) {
	for rec := range log.Records() {
		u.operations += max(1, rec.Attempt)
		u.bytes += rec.Payload.Size()
	}
	return u
}

// add counts updates that the service has accepted.
func (u *usage) add(updates []checkpoint.Update) {
	for i := range updates {
		if updates[i].Action == checkpoint.ActionStart {
			u.operations++
		}
		u.bytes += updates[i].Payload.Size()
	}
}

// near reports whether four fifths of what an execution may hold are used.
func (u *usage) near() bool {
	const part, of = 4, 5
	return u.operations*of >= mostOperations*part || u.bytes*of >= mostBytes*part
}

// warnOfUsage says so, once in an invocation. Called with the lock held.
func (inv *invocation) warnOfUsage() {
	u := &inv.usage
	if u.warned || !u.near() {
		return
	}
	u.warned = true
	inv.logger().Warn("the execution comes near what the service keeps of one, and then it is refused more; "+
		"let parts of it be executions of their own (op.Invoke)",
		slog.Int("operations", u.operations), slog.Int("mostOperations", mostOperations),
		slog.Int("bytes", u.bytes), slog.Int("mostBytes", mostBytes))
}
