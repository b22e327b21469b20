package page

import (
	"context"
	"sync"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// manyHistories is how many histories are kept at once. One that is asked for again is read from
// where it ended.
const manyHistories = 16

// histories keeps what was read of executions.
type histories struct {
	source Source

	mu   sync.Mutex // guards what follows
	kept []*kept    // the last one that was used is the last
}

// kept is what was read of an execution.
type kept struct {
	arn string
	mu  sync.Mutex // guards h
	h   *view.History
}

// of calls f with the history of an execution as it is now, while no one else has it.
func (c *histories) of(ctx context.Context, arn string, f func(h *view.History) error) error {
	k := c.entry(arn)
	k.mu.Lock()
	defer k.mu.Unlock()
	events, err := c.source.Events(ctx, arn, k.h.Event)
	if err != nil {
		return err
	}
	if len(events) > 0 && events[0].ID != k.h.Event+1 { // it was deleted, and its name given again
		k.h = view.New()
		if events, err = c.source.Events(ctx, arn, 0); err != nil {
			return err
		}
	}
	for i := range events {
		k.h.Add(&events[i])
	}
	return f(k.h)
}

func (c *histories) entry(arn string) *kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, k := range c.kept {
		if k.arn == arn {
			c.kept = append(append(c.kept[:i:i], c.kept[i+1:]...), k)
			return k
		}
	}
	k := &kept{arn: arn, h: view.New()}
	if c.kept = append(c.kept, k); len(c.kept) > manyHistories {
		c.kept = c.kept[1:]
	}
	return k
}
