package replay_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// code is a handler in a few words, for tables that compare what wrote a log with what reads it:
//
//	a           step a
//	a[k]        step a with the key k
//	a=int       step a whose result is a number instead of a text
//	a~          step a that is tried again after a minute, and then succeeds
//	a?          step a that is tried again by its state
//	a^          step a, at most once
//	a!          step a that fails; the error is swallowed
//	a%          step a whose body does not end before the function is lost
//	a*3, a[]*3  a loop of steps, the second with the keys 1, 2, 3
//	wait:w      a wait of a day
//	g{…}        group g
//	g:T{…}      group g with the sub-type T
//	&x          x as a future, for x a step, a wait or a group
//	*x          the result of the future x, in the scope that started it or inside
//	refused     an invalid declaration
type code string

// tokens splits code at spaces; a closing brace is a token of its own.
func (c code) tokens() []string {
	return strings.Fields(strings.NewReplacer("{", "{ ", "}", " } ").Replace(string(c)))
}

// coded runs code and counts bodies.
type coded struct {
	code code
	// hangs says that the function will be lost.
	hangs bool
	// opts of the handler.
	opts []replay.HandlerOption

	mu     sync.Mutex // guards bodies
	bodies map[string]int
}

func (c *coded) function() *replay.Function[op.None, string] {
	return replay.Handler(func(ctx op.Context, _ op.None) (out string, err error) {
		defer func() {
			// A careless handler: whatever happened, it has succeeded, and it goes on.
			if p := recover(); p != nil {
				out, err = "recovered", nil
			}
			if replay.Suspending(ctx) {
				replay.Exec(ctx, c.step("after-the-end"))
			}
		}()
		rest := c.code.tokens()
		out, err = c.scope(ctx, &rest, nil)
		if err != nil {
			return "swallowed", nil
		}
		return out, nil
	}, append(c.opts, replay.WithLogHandler(&leftovers{Handler: nil, tell: func() {}}))...)
}

func (c *coded) count(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bodies == nil {
		c.bodies = make(map[string]int)
	}
	c.bodies[name]++
}

// ran lists the bodies that ran.
func (c *coded) ran() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for name, n := range c.bodies {
		names = append(names, fmt.Sprintf("%s %d", name, n))
	}
	return names
}

// scope runs statements up to the end or a closing brace.
func (c *coded) scope(ctx op.Context, rest *[]string, around map[string]op.Op[string]) (string, error) {
	futures := make(map[string]op.Op[string])
	maps.Copy(futures, around)
	var out []string
	for len(*rest) > 0 {
		word := (*rest)[0]
		*rest = (*rest)[1:]
		if word == "}" {
			break
		}
		v, err := c.statement(ctx, word, rest, futures)
		if err != nil {
			v = "error: " + err.Error()
		}
		out = append(out, v)
	}
	return strings.Join(out, " "), nil
}

func (c *coded) statement(ctx op.Context, word string, rest *[]string, futures map[string]op.Op[string]) (string, error) {
	for range 50 { // what was started may begin
		runtime.Gosched()
	}
	if word == "refused" {
		return "", replay.Exec(ctx, op.Wait("refused", 0))
	}
	if name, ok := strings.CutPrefix(word, "*"); ok {
		return replay.Run(ctx, futures[name])
	}
	word, future := strings.CutPrefix(word, "&")
	word, loop, _ := strings.Cut(word, "*")
	if loop != "" {
		return c.loop(ctx, word, loop)
	}
	o, name := c.operation(word, rest, futures)
	if future {
		futures[name] = replay.Go(ctx, o).Result()
		return "&", nil
	}
	return replay.Run(ctx, o)
}

func (c *coded) loop(ctx op.Context, word, loop string) (string, error) {
	name, keyed := strings.CutSuffix(word, "[]")
	var out []string
	for i := range int(loop[0] - '0') {
		o := c.step(name)
		if keyed {
			o = o.Key(strconv.Itoa(i + 1))
		}
		v, err := replay.Run(ctx, o)
		if err != nil {
			return "", err
		}
		out = append(out, v)
	}
	return strings.Join(out, ","), nil
}

// operation makes the operation of a word. That of a group takes its words out of rest.
func (c *coded) operation(word string, rest *[]string, futures map[string]op.Op[string]) (o op.Op[string], name string) {
	if name, ok := strings.CutPrefix(word, "wait:"); ok {
		return text(op.Wait(name, 24*time.Hour)), name
	}
	if head, ok := strings.CutSuffix(word, "{"); ok {
		name, subType, typed := strings.Cut(head, ":")
		body := until(rest)
		var opts []op.GroupOption
		if typed {
			opts = append(opts, op.WithSubType(subType))
		}
		inner := maps.Clone(futures)
		return op.Group(name, func(ctx op.Context) (string, error) {
			words := body
			return c.scope(ctx, &words, inner)
		}, opts...), name
	}
	if name, ok := strings.CutSuffix(word, "=int"); ok {
		return text(op.Step(name, func(context.Context) (int, error) {
			c.count(name)
			return 1, nil
		})), name
	}
	if head, ok := strings.CutSuffix(word, "]"); ok {
		name, key, _ := strings.Cut(head, "[")
		return c.step(name).Key(key), word
	}
	return c.step(word), strings.TrimRight(word, "~?^!%")
}

// until takes the words up to the brace that closes the group.
func until(rest *[]string) []string {
	depth := 1
	for i, w := range *rest {
		if strings.HasSuffix(w, "{") {
			depth++
		}
		if w == "}" {
			depth--
		}
		if depth == 0 {
			body := (*rest)[:i]
			*rest = (*rest)[i+1:]
			return body
		}
	}
	return nil
}

var errFlaky = errors.New("again")

func (c *coded) step(word string) op.Op[string] {
	name := strings.TrimRight(word, "~?^!%")
	how := word[len(name):]
	opts := []op.StepOption{op.WithRetry(retry.Fixed(time.Minute))}
	if how == "^" {
		opts = append(opts, op.WithSemantics(op.AtMostOncePerRetry))
	}
	return op.Step(name, func(ctx context.Context) (string, error) {
		c.count(name)
		info, _ := op.InfoFrom(ctx)
		if how == "%" && c.hangs {
			<-ctx.Done()
		}
		switch {
		case how == "~" && info.Attempt == 1:
			return "", errFlaky
		case how == "?" && info.Attempt == 1:
			return "", retry.Again(1)
		case how == "!":
			return "", retry.Permanent(errFlaky)
		}
		return name, nil
	}, opts...)
}
