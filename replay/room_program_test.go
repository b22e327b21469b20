package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/internal/quota"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// crowd is a random program that reaches the quotas of its execution: errors do not stop it.
type crowd struct {
	seed  int64
	quota quota.Quota

	mu   sync.Mutex
	seen map[string]string // how each operation ended, by its place
	bad  []string          // places that ended otherwise on a replay
	ran  map[string]int    // bodies
}

// note compares how a place ends with how it ended before.
func (c *crowd) note(place string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	what := "ok"
	if err != nil {
		what = err.Error()
	}
	if was, ok := c.seen[place]; ok && was != what {
		c.bad = append(c.bad, fmt.Sprintf("%s: %q, and then %q", place, was, what))
	}
	c.seen[place] = what
}

func (c *crowd) rng(place string) *rand.Rand {
	seed := c.seed
	for _, b := range []byte(place) {
		seed = seed*131 + int64(b)
	}
	return rand.New(rand.NewSource(seed))
}

var errCrowd = errors.New("flaky")

// step is one operation with a body.
func (c *crowd) step(rng *rand.Rand, name, place string) op.Op[string] {
	fails, size := 0, rng.Intn(40)
	if rng.Intn(4) == 0 {
		fails = rng.Intn(4)
	}
	if c.quota.Bytes < 1<<20 {
		size = rng.Intn(c.quota.Bytes / 32)
	}
	o := op.Step(name, func(context.Context) (string, error) {
		c.mu.Lock()
		c.ran[place]++
		n := c.ran[place]
		c.mu.Unlock()
		if n <= fails {
			return "", fmt.Errorf("%w: %s", errCrowd, strings.Repeat("f", size))
		}
		return strings.Repeat("r", size), nil
	}, op.WithRetry(retry.Fixed(time.Second)))
	if rng.Intn(4) == 0 {
		return o.Undo(func(context.Context, string) error { return nil })
	}
	return o
}

// run runs some random operations one after the other.
func (c *crowd) run(ctx op.Context, place string, depth int) {
	rng := c.rng(place)
	for i := range 1 + rng.Intn(6) {
		name := fmt.Sprintf("o%d", i)
		at := place + "/" + name
		var err error
		switch kind := rng.Intn(8); {
		case kind < 2:
			err = replay.Exec(ctx, c.step(rng, name, at))
		case kind == 2:
			err = replay.Exec(ctx, op.Wait(name, time.Minute))
		case kind == 3 && depth > 0:
			fails, size := rng.Intn(3) == 0, rng.Intn(20)
			_, err = replay.Run(ctx, op.Group(name, func(ctx op.Context) (string, error) {
				c.run(ctx, at, depth-1)
				if fails {
					return "", errCrowd
				}
				return strings.Repeat("g", size), nil
			}))
		case kind == 4 && depth > 0:
			n := rng.Intn(7)
			inner := rng.Intn(3)
			_, err = replay.Run(ctx, op.Map(name, make([]int, n), op.GroupFunc("g", func(ctx op.Context, _ int) (string, error) {
				if inner > 0 {
					c.run(ctx, fmt.Sprintf("%s[%s]", at, replay.UUID(ctx, "id")), depth-1)
				}
				return "m", nil
			})))
		case kind == 5:
			n := rng.Intn(7)
			items := make([]op.Op[string], n)
			for j := range items {
				items[j] = c.step(rng, fmt.Sprintf("s%d", j), fmt.Sprintf("%s/%d", at, j))
			}
			_, err = replay.Run(ctx, op.All(name, items...))
		case kind == 6:
			future := replay.Go(ctx, c.step(rng, name, at))
			err = replay.Exec(ctx, op.Wait(name+"w", time.Second))
			c.note(at+"w", err)
			err = replay.Exec(ctx, future.Result())
		default:
			_, err = replay.Run(ctx, op.WaitForCondition(name, "", func(_ context.Context, s string) (string, bool, error) {
				return s + "p", len(s) > 3, nil
			}, op.WithPolling(retry.Fixed(time.Second))))
		}
		c.note(at, err)
	}
}

// play runs a random program under a quota, and says what is wrong with how it ended.
func (c *crowd) play(t *testing.T) string {
	t.Helper()
	c.seen, c.ran = make(map[string]string), make(map[string]int)
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		c.run(ctx, "", 2)
		return "", nil
	})
	e := drive(t, crowded{f, c.quota}, "null", local.WithLimits(local.Limits{Operations: c.quota.Operations, DataBytes: c.quota.Bytes}))
	if e.Status() != local.StatusSucceeded {
		return fmt.Sprintf("ended as %s (%v)", e.Status(), e.Err())
	}
	if len(c.bad) > 0 {
		return strings.Join(c.bad, "\n")
	}
	return ""
}

// crowded runs a function that believes in a quota.
type crowded struct {
	local.Handler

	quota quota.Quota
}

func (c crowded) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return c.Handler.Invoke(quota.With(ctx, c.quota), payload)
}

// TestRefusalsComeAgain runs random programs that reach the quotas of their execution, with much
// of what they did hidden by the service: none is refused by the service, and none diverges, for
// each operation ends the same on each replay, by a refusal too.
func TestRefusalsComeAgain(t *testing.T) {
	t.Parallel()
	seed := lawSeed(t)
	rng := rand.New(rand.NewSource(seed))
	refused, full := 0, 0
	for range draws.Count(150) {
		c := &crowd{seed: rng.Int63(), quota: quota.Quota{Operations: 8 + rng.Intn(60), Bytes: 100_000_000}}
		if rng.Intn(4) == 0 {
			c.quota = quota.Quota{Operations: 200, Bytes: 200<<10 + 10_000 + rng.Intn(100_000)}
		}
		if wrong := c.play(t); wrong != "" {
			t.Fatalf("PERDURE_SEED=%d, program %d with quota %+v: %s", seed, c.seed, c.quota, wrong)
		}
		n := 0
		for _, what := range c.seen {
			if strings.Contains(what, "no room") || strings.Contains(what, "execution holds") {
				n++
			}
		}
		if n > 0 {
			refused++
		}
		if n > 5 {
			full++
		}
	}
	if refused == 0 || full == 0 {
		t.Errorf("%d programs were refused something and %d much: the test shows nothing", refused, full)
	}
	t.Logf("%d programs were refused something, %d much", refused, full)
}
