package replay

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"

	"github.com/perdure/perdure/op"
)

// Now returns the time of the scope: the latest end of an operation that its code has seen, at
// first that of the scope around it, in the handler the start of the execution. It never goes
// back and is the same on every replay, so code may decide by it. It costs no operation. For the
// wall clock, run a step.
func Now(ctx op.Context) time.Time {
	h, ok := op.ScopeOf(ctx).(*handle)
	if !ok {
		return time.Time{}
	}
	h.s.inv.mu.Lock()
	now := h.s.settleNow()
	h.s.inv.mu.Unlock()
	return now
}

// settleNow returns the time of the scope when the ends of the relaxed steps before are known,
// which takes their checkpoint: on a replay the log has them. Called with the lock held.
func (s *scope) settleNow() time.Time {
	if len(s.unseen) > 0 && s.inv.phase == running && !s.t.dead && s.called() {
		s.inv.barrier(s.t, s, nil)
		s.seeUnseen()
	}
	return s.now
}

// seeUnseen observes the ends of relaxed steps that are durable by now. Called with the lock held.
func (s *scope) seeUnseen() {
	for _, o := range s.unseen {
		if rec, ok := s.inv.log.Get(o.id); ok {
			s.observe(rec)
		}
	}
	s.unseen = nil
}

// UUID returns a random (version 4) UUID in its usual form that is the same on every replay. name
// tells it from others of the scope: the same name gives the same UUID.
func UUID(ctx op.Context, name string) string {
	h, ok := op.ScopeOf(ctx).(*handle)
	if !ok {
		return ""
	}
	u := h.s.seed("uuid", name)
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

// Rand returns a source of random numbers that are the same on every replay. name tells it from
// others of the scope: each call with the same name begins the same sequence.
func Rand(ctx op.Context, name string) *rand.Rand {
	h, ok := op.ScopeOf(ctx).(*handle)
	if !ok {
		return rand.New(rand.NewPCG(0, 0))
	}
	sum := h.s.seed("rand", name)
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])))
}

// seed is a pure function of execution, scope, purpose and name.
func (s *scope) seed(purpose, name string) [sha256.Size]byte {
	var b []byte
	for _, field := range []string{"perdure", purpose, s.inv.arn, s.ids.ID(), name} {
		b = binary.AppendUvarint(b, uint64(len(field)))
		b = append(b, field...)
	}
	return sha256.Sum256(b)
}

// idempotencyKey is the same for all attempts of an operation, and for no other operation.
func (inv *invocation) idempotencyKey(id string) string {
	sum := sha256.Sum256([]byte(inv.arn + "\x00" + id))
	return hex.EncodeToString(sum[:16])
}
