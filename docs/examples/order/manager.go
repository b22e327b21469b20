package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
)

// ErrRefused says that the manager does not want the order.
var ErrRefused = errors.New("the manager refused")

// refusal is the name of ErrRefused between the manager's system and this one.
const refusal = "ApprovalRefused"

// budget is the largest total that the manager agrees to.
const budget Cents = 20_000_00

// thinking is how long the manager looks at an order before answering.
const thinking = 2 * time.Second

// Approval is what the manager answers.
type Approval struct {
	By string `json:"by"`
}

// Manager is the system in which a manager answers questions. An answer goes to whoever asked, by
// the ID of the callback: here to the local service, in the cloud to the Lambda API.
type Manager struct {
	after   func(d time.Duration, f func())
	said    func(what string)
	succeed func(callbackID string, result []byte) error
	fail    func(callbackID string, failure checkpoint.Failure) error

	mu    sync.Mutex
	asked map[string]bool // by callback ID
}

// Ask puts an order before the manager. Asked again with the same ID it does nothing.
func (m *Manager) Ask(ctx context.Context, o Order, callbackID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	op.LoggerFrom(ctx).InfoContext(ctx, "asked the manager", slog.String("total", o.Total().String()))
	if m.asked[callbackID] {
		return nil
	}
	if m.asked == nil {
		m.asked = make(map[string]bool)
	}
	m.asked[callbackID] = true
	m.after(thinking, func() { m.answer(o, callbackID) })
	return nil
}

// answer is the manager at work. It informs the service, which invokes the function again.
func (m *Manager) answer(o Order, callbackID string) {
	if o.Total() > budget {
		m.said("refused the order")
		m.sent(m.fail(callbackID, checkpoint.Failure{Type: refusal, Message: ErrRefused.Error()}))
		return
	}
	m.said("approved the order")
	result, err := json.Marshal(Approval{By: "manager"})
	m.sent(errors.Join(err, m.succeed(callbackID, result)))
}

// sent reports an answer that no one waits for any more.
func (m *Manager) sent(err error) {
	if err != nil {
		m.said("was not heard: " + err.Error())
	}
}
