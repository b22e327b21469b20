package guises

import (
	"context"
	"errors"
	"fmt"

	"example.test/shop/rules/guises/far"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

func helpers(ctx op.Context) error {
	far.Ship(ctx, "a")                      // want `dropped: the error of far.Ship, which is that of an operation, is dropped`
	_ = far.Ship(ctx, "b")                  // want `blank: the error of far.Ship, which is that of an operation, is assigned to _`
	n, _ := far.Count(ctx)                  // want `dropped: the error of far.Count, which is that of an operation, is dropped, and its result is used`
	_, _ = far.Count(ctx)                   // want `blank: the error of far.Count` `samename: operation "count" has the name`
	defer far.Ship(ctx, fmt.Sprint(n))      // want `dropped: the error of the operation is dropped: the result of a deferred call is lost`
	defer replay.Exec(ctx, op.Do("e", nop)) // want `dropped: the error of the operation is dropped: the result of a deferred call`
	defer replay.Go(ctx, op.Step("f", one)) // want `future: the future is never awaited: the operation is started when the function returns`
	far.Ship(ctx, "g")                      //perdure:allow dropped it is a courtesy
	far.Plan(ctx)
	return far.Ship(ctx, "h")
}

func overwritten(ctx op.Context, ids []string) (err error) {
	err = replay.Exec(ctx, op.Do("a", nop)) // want `dropped: the error of the operation is overwritten, or left, before anything looks at it`
	err = replay.Exec(ctx, op.Do("b", nop))
	if err != nil {
		return err
	}
	for _, id := range ids {
		err = replay.Exec(ctx, op.Do("c", nop).Key(id)) // want `dropped: the error of the operation is overwritten in the next round of the loop`
	}
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err = replay.Exec(ctx, op.Do("d", nop).Key(id)); err == nil {
			break
		}
	}
	for i := 0; i < len(ids) && err == nil; i++ {
		err = replay.Exec(ctx, op.Do("e", nop).Key(ids[i]))
	}
	var all, unread []error
	for _, id := range ids {
		unread = append(unread, replay.Exec(ctx, op.Do("f", nop).Key(id))) // want `dropped: the error of the operation is kept, and nothing reads where it is kept`
		all = append(all, replay.Exec(ctx, op.Do("g", nop).Key(id)))
	}
	return errors.Join(append(all, err)...)
}

func counted(ctx op.Context, ids []string) int {
	started := map[string]*replay.Future[int]{}
	for _, id := range ids {
		started[id] = replay.Go(ctx, op.Step("a", one).Key(id)) // want `future: the future is never awaited`
	}
	return len(started)
}

type soldOut struct{}

func (soldOut) Error() string { return "sold out" }

var errFull = errors.New("full")

func compared(ctx op.Context, ids []string) (string, error) {
	err := replay.Exec(ctx, op.Do("a", nop))
	if err == errFull { // want `unregistered: the error of an operation is never == guises.errFull, for it wraps what the body returned`
		return "full", nil
	}
	switch err {
	case nil:
	case errFull: // want `unregistered: the error of an operation is never == guises.errFull`
		return "full", nil
	}
	if _, ok := err.(soldOut); ok { // want `unregistered: the error of an operation is never a guises.soldOut`
		return "sold out", nil
	}
	switch err.(type) {
	case soldOut: // want `unregistered: the error of an operation is never a guises.soldOut`
		return "sold out", nil
	case *op.Error:
		return "failed", nil
	}
	if err == errFull { //perdure:allow unregistered a mistake on purpose
		return "full", nil
	}
	wrapped := far.Wrap("ship", far.Ship(ctx, "b"))
	if errors.Is(wrapped, errFull) { // want `unregistered: guises.errFull is not registered`
		return "full", nil
	}
	b, err := replay.Run(ctx, op.Map("map", ids, op.StepFunc("c", func(context.Context, string) (int, error) { return 1, nil })))
	if errors.Is(b.Err(), errFull) { // want `unregistered: guises.errFull is not registered`
		return "full", nil
	}
	for _, it := range b.Items {
		if errors.Is(it.Err, errFull) { // want `unregistered: guises.errFull is not registered`
			return "full", nil
		}
	}
	if own := check(ids); own == errFull || errors.Is(far.Wrap("check", own), errFull) {
		return "full", nil // no operation returned it
	}
	return "", err
}

func check([]string) error { return nil }

var _ = replay.Handler(func(ctx op.Context, ids []string) (string, error) { return compared(ctx, ids) })
