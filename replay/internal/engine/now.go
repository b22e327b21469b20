package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/perdure/perdure/internal/turn"
)

// Now returns the time of the scope.
//
//  1. On the scope's own goroutine, it is settled first: that may take a checkpoint.
//  2. In a body and in functions that the engine calls, it is what the scope knew when they began.
//  3. In another scope of the same invocation, it is what the scope knew when it parked.
//  4. On any other goroutine it ends the execution: what it returned would depend on when it was called.
func (h *Handle) Now() time.Time {
	s := h.s
	if !h.mine() {
		return s.view.Load().now
	}
	if len(s.time.unseen) == 0 {
		return s.time.now
	}
	if s.Enter() == turn.Own {
		defer s.crashed()
		s.f.last()
		s.settleNow()
		s.leave()
	}
	return s.time.now
}

// mine reports whether the calling goroutine is the scope's own and may touch it. One that has nothing to
// do with it ends the execution.
func (h *Handle) mine() bool {
	s := h.s
	switch s.Who() {
	case turn.Own, turn.Inside:
		return !s.ended.Load() && !s.inv.over()
	case turn.Foreign:
		if s.inv.turn.Caller() == nil && !s.inv.turn.Away() && !s.ended.Load() && !s.inv.over() { // a strand of ours sees what this one knew
			s.inv.fail(s.misuse(ErrConcurrent, nil))
		}
	case turn.InBody, turn.Helper:
	}
	return false
}

// Seed is a pure function of execution, scope, purpose and name.
func (h *Handle) Seed(purpose, name string) [sha256.Size]byte {
	h.mine()
	var b []byte
	for _, field := range []string{"perdure", purpose, h.s.inv.ARN, h.s.ids.ID(), name} {
		b = binary.AppendUvarint(b, uint64(len(field)))
		b = append(b, field...)
	}
	return sha256.Sum256(b)
}

// idempotencyKey is the same for all attempts of an operation, and for no other operation.
func (inv *invocation) idempotencyKey(id string) string {
	sum := sha256.Sum256([]byte(inv.ARN + "\x00" + id))
	return hex.EncodeToString(sum[:16])
}
