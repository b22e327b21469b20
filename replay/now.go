package replay

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay/internal/engine"
)

// Now returns the time of the scope: the latest end of an operation that its code has seen, at
// first that of the scope around it, in the handler the start of the execution. It never goes
// back and is the same on every replay, so code may decide by it. It costs no operation. For the
// wall clock, run a step.
func Now(ctx op.Context) time.Time {
	h, ok := op.ScopeOf(ctx).(*engine.Handle)
	if !ok {
		return time.Time{}
	}
	return h.Now()
}

// UUID returns a random (version 4) UUID in its usual form that is the same on every replay. name
// distinguishes it from others of the scope: the same name gives the same UUID.
func UUID(ctx op.Context, name string) string {
	h, ok := op.ScopeOf(ctx).(*engine.Handle)
	if !ok {
		return ""
	}
	u := h.Seed("uuid", name)
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	var b [36]byte
	hex.Encode(b[:8], u[:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// Rand returns a source of random numbers that are the same on every replay. name distinguishes it
// from others of the scope: each call with the same name begins the same sequence.
func Rand(ctx op.Context, name string) *rand.Rand {
	h, ok := op.ScopeOf(ctx).(*engine.Handle)
	if !ok {
		return rand.New(rand.NewPCG(0, 0))
	}
	sum := h.Seed("rand", name)
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])))
}
