package engine

import (
	"log/slog"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/limits"
	"github.com/perdure/perdure/internal/oplog"
)

// What one execution may hold.
const (
	mostOperations = limits.Operations
	mostBytes      = limits.DataBytes
)

// usage estimates what an execution holds of what it may, so that somebody is told before the
// service refuses more. It holds more than is seen here: the service leaves out what is inside groups
// that have completed.
type usage struct {
	retries, bytes int
	warned         bool
}

// usageOf estimates what a log holds.
func usageOf(log *oplog.Log) (u usage) {
	for rec := range log.Records() {
		u.retries += rec.Attempt
		if rec.Status.Terminal() && rec.Attempt > 0 {
			u.retries-- // nothing followed the last attempt
		}
		u.bytes += rec.Payload.Size() + failureSize(rec.Failure)
	}
	return u
}

// add counts updates that the service has accepted.
func (u *usage) add(updates []checkpoint.Update) {
	for i := range updates {
		if updates[i].Action == checkpoint.ActionRetry {
			u.retries++
		}
		u.bytes += updates[i].Payload.Size() + failureSize(updates[i].Failure)
	}
}

func failureSize(f *checkpoint.Failure) (n int) {
	if f == nil {
		return 0
	}
	for _, line := range f.Stack {
		n += len(line)
	}
	return n + len(f.Type) + len(f.Message) + len(f.Data)
}

// warnOfUsage says, once in an invocation, when four fifths of what an execution may hold are used. An
// operation counts once, and once more for each retry.
func (inv *invocation) warnOfUsage() {
	const part, of = 4, 5
	u := &inv.usage
	operations := inv.log.Len() + u.retries
	if u.warned || operations*of < mostOperations*part && u.bytes*of < mostBytes*part {
		return
	}
	u.warned = true
	bytes := u.bytes
	inv.say(func(l *slog.Logger) {
		l.Warn("the execution comes near what the service keeps of one, and then it is refused more; "+
			"let parts of it be executions of their own (op.Invoke)",
			slog.Int("operations", operations), slog.Int("mostOperations", mostOperations),
			slog.Int("bytes", bytes), slog.Int("mostBytes", mostBytes))
	})
}
