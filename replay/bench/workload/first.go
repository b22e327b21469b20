package workload

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

const (
	// firstSteps is how many steps run for the first time, one after the other.
	firstSteps = 1000
	// shortSteps is how many steps a short invocation has, and shortTimes how many of them are
	// measured.
	shortSteps, shortTimes = 3, 200
	// branches is how many branches a batch has.
	branches = 1000
	// deep and shallow are how many groups are in one another.
	deep, shallow = 1000, 200
	// trip is the round trip of the map.
	trip = 10 * time.Millisecond
)

func first() []Work {
	return []Work{
		{
			Name:  "first-run",
			Means: "steps that do nothing, for the first time, without latency; a step",
			Prepare: func(context.Context, string) (Measure, error) {
				return timedInvocations(noSteps(firstSteps), succeeded, 1, firstSteps, 0)
			},
		},
		{
			Name:  "short",
			Means: "a whole invocation: a new event, three steps that do nothing, the answer",
			Prepare: func(context.Context, string) (Measure, error) {
				return timedInvocations(noSteps(shortSteps), succeeded, shortTimes, shortTimes, 0)
			},
		},
		{
			Name:    "nested",
			Means:   "a thousand groups in one another, against two hundred",
			Prepare: nested,
		},
		{
			Name:  "waiting",
			Means: "a map of a thousand groups that each wait, for the first time",
			Prepare: func(context.Context, string) (Measure, error) {
				return timedInvocations(waitingGroups(nil), pending, 1, 1, 0)
			},
		},
		{
			Name:  "map",
			Means: "a map of a thousand steps, with round trips of 10 ms",
			Prepare: func(context.Context, string) (Measure, error) {
				pack := op.StepFunc("pack-item", func(_ context.Context, i int) (int, error) { return i, nil })
				f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					return op.None{}, replay.Exec(ctx, op.Map("ship", make([]int, branches), pack))
				})
				return timedInvocations(f, succeeded, 1, 1, trip)
			},
		},
	}
}

// decodedSteps is how many steps the yardstick decodes.
const decodedSteps = 1000

// decoding returns what has encoding/json decode an event of steps.
func decoding() (func() error, error) {
	r := begun()
	for i := range decodedSteps {
		u := checkpoint.Update{
			ID: "charge-card-0748d7a5326c-" + strconv.Itoa(i), Name: "charge-card", Kind: checkpoint.KindStep, SubType: "Step",
			Action: checkpoint.ActionSucceed, Payload: checkpoint.TextPayload(`"` + strings.Repeat("x", resultBytes) + `"`),
		}
		r.apply(&u)
	}
	event, err := r.event()
	return func() error {
		var e eventJSON
		return json.Unmarshal(event, &e) //nolint:musttag // the fields are named as on the wire
	}, err
}

// noSteps is a handler of steps that do nothing.
func noSteps(n int) *replay.Function[op.None, op.None] {
	step := op.StepFunc("charge-card", func(_ context.Context, i int) (int, error) { return i, nil })
	return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for i := range n {
			if _, err := replay.Run(ctx, step(i)); err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	})
}

// timedInvocations measures first invocations of a function, that many of them, by the part of all
// that is one.
func timedInvocations(
	f *replay.Function[op.None, op.None], want string, times, parts int, trip time.Duration,
) (Measure, error) {
	event, err := beginning()
	if err != nil {
		return nil, err
	}
	yardstick, err := decoding()
	return func(ctx context.Context) (Sample, error) {
		decoded, err := best(yardstick)
		if err != nil {
			return nil, err
		}
		var calls float64
		measure := best
		if trip > 0 {
			measure = micros // it is long enough
		}
		took, err := measure(func() error {
			for range times {
				c := &client{trip: trip}
				if err := invoke(ctx, c, f, event, want); err != nil {
					return err
				}
				calls = c.count()
			}
			return nil
		})
		return Sample{Micros: took / float64(parts), Calls: calls, Yardstick: decoded / decodedSteps}, err
	}, err
}

func nested(context.Context, string) (Measure, error) {
	event, err := beginning()
	return func(ctx context.Context) (Sample, error) {
		few, err := best(func() error { // as many groups, so that other programs hold up both alike
			for range deep / shallow {
				if err := invoke(ctx, new(client), groups(shallow), event, succeeded); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		took, err := best(func() error { return invoke(ctx, new(client), groups(deep), event, succeeded) })
		return Sample{Micros: took, Few: few * shallow / deep}, err
	}, err
}

// groups is a handler of groups in one another.
func groups(levels int) *replay.Function[op.None, op.None] {
	var level func(ctx op.Context, depth int) (op.None, error)
	level = func(ctx op.Context, depth int) (op.None, error) {
		if depth == levels {
			return op.None{}, nil
		}
		return replay.Run(ctx, op.Group("level-"+strconv.Itoa(depth), func(ctx op.Context) (op.None, error) {
			return level(ctx, depth+1)
		}))
	}
	return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return level(ctx, 0) })
}

// waitingGroups is a map of groups that each wait for long. last is called in the last of them
// before it waits.
func waitingGroups(last func()) *replay.Function[op.None, op.None] {
	in := make([]int, branches)
	for i := range in {
		in[i] = i
	}
	each := op.GroupFunc("item", func(ctx op.Context, i int) (op.None, error) {
		if last != nil && i == branches-1 {
			last()
		}
		return replay.Run(ctx, op.Wait("next", time.Hour))
	})
	return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Map("ship", in, each))
	})
}
