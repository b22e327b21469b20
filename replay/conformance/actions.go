package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// What an [Action] may do.
const (
	actSuccess   = "success"
	actFailure   = "failure"
	actHeartbeat = "heartbeat"
)

// actor is the outside system of one execution: it answers its callbacks as a requirement says.
type actor struct {
	service *local.Service
	clock   checkpoint.Clock
	vars    *Vars
	actions []Action
	// ended are the callbacks that an action is about to end.
	ended map[string]bool

	mu sync.Mutex
	// problems are what the service said against an answer.
	problems []string
}

func (a *actor) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.problems)
}

// look finds the callbacks that the next actions are about and sets their timers. Each action has
// its own delay, from the time its callback was created.
func (a *actor) look(history []local.Event) {
	for len(a.actions) > 0 {
		act := a.actions[0]
		i := slices.IndexFunc(history, func(e local.Event) bool {
			return e.Type == local.EventCallbackStarted && !a.ended[e.CallbackID] &&
				(act.Callback == "*" || e.Name == a.vars.Expand(act.Callback))
		})
		if i < 0 {
			return
		}
		created := history[i]
		if act.Operation != actHeartbeat {
			a.ended[created.CallbackID] = true
		}
		a.actions = a.actions[1:]
		delay := time.Duration(act.Delay * float64(time.Second))
		a.clock.AfterFunc(created.Time.Add(delay).Sub(a.clock.Now()), func() {
			if err := a.answer(act, created.CallbackID); err != nil {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.problems = append(a.problems, fmt.Sprintf("callback %q: %s: %v", created.Name, act.Operation, err))
			}
		})
	}
}

func (a *actor) answer(act Action, id string) error {
	switch act.Operation {
	case actHeartbeat:
		return a.service.Heartbeat(id)
	case actFailure:
		var f struct {
			Type    string `json:"ErrorType"`
			Message string `json:"ErrorMessage"`
			Data    string `json:"ErrorData"`
		}
		text, err := dump(&act.Payload, a.vars)
		if err == nil {
			err = json.Unmarshal([]byte(text), &f)
		}
		if err != nil {
			return err
		}
		return a.service.FailCallback(id, checkpoint.Failure{Type: f.Type, Message: f.Message, Data: f.Data})
	}
	var payload []byte
	if act.Payload.Kind != 0 {
		text, err := dump(&act.Payload, a.vars)
		if err != nil {
			return err
		}
		payload = []byte(text)
	}
	return a.service.CompleteCallback(id, payload)
}
