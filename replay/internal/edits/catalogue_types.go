package edits

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// payment is the type that results have before an edit of their type.
type payment struct {
	ID     string
	Amount int
}

// typed is a version with a step whose result has a type.
func typed[T any](v T, read func(T) string) Version {
	return around(func(c *code) { c.add(read(do(c, step(c, "charge", v)))) })
}

// types are edits of the type of a result, and of registered errors.
func types() []Edit {
	whole := typed(payment{"p", 5}, func(p payment) string { return p.ID + strconv.Itoa(p.Amount) })
	errDeclined := errors.New("declined")
	declined := func(errs ...codec.KnownError) Version {
		return around(func(c *code) {
			_, err := replay.Run(c.Context, op.Step("charge", func(ctx context.Context) (string, error) {
				c.w.ran(ctx, "charge")
				return "", retry.Permanent(errDeclined)
			}, op.WithErrors(errs...)))
			c.add(errors.Is(err, errDeclined))
		})
	}
	// What a group registers holds inside of it as well.
	grouped := func(errs ...codec.KnownError) Version {
		return around(func(c *code) {
			_, err := replay.Run(c.Context, op.Group("pay", func(ctx op.Context) (string, error) {
				return replay.Run(ctx, op.Step("charge", func(ctx context.Context) (string, error) {
					c.w.ran(ctx, "charge")
					return "", retry.Permanent(errDeclined)
				}))
			}, op.WithErrors(errs...)))
			c.add(errors.Is(err, errDeclined))
		})
	}
	return []Edit{
		{ID: "13a", Name: "result type gains a field", Before: whole, After: typed(struct {
			ID     string
			Amount int
			Note   string
		}{"p", 5, ""}, func(p struct {
			ID     string
			Amount int
			Note   string
		},
		) string {
			return p.ID + strconv.Itoa(p.Amount)
		})},
		{ID: "13b", Name: "result type: JSON tag renamed", Before: whole, After: typed(renamed{"p", 5}, func(p renamed) string { return p.ID + strconv.Itoa(p.Amount) })},
		{ID: "13c", Name: "result type: int becomes string", Before: whole, After: typed(spelled{"p", "5"}, func(p spelled) string { return p.ID + p.Amount })},
		{ID: "13d", Name: "result type: int becomes *int", Before: whole, After: typed(pointed{"p", new(int)}, func(p pointed) string { return p.ID + strconv.Itoa(*p.Amount) })},
		{ID: "13e", Name: "result type: field moves into a nested struct", Before: whole, After: typed(moved{ID: "p", In: struct{ Amount int }{5}}, func(p moved) string { return p.ID + strconv.Itoa(p.In.Amount) })},
		{ID: "13f", Name: "result: enum value renamed, type checks it", Before: typed("declined", func(s string) string { return s }), After: typed(checked("card-declined"), func(s checked) string { return string(s) })},
		{ID: "13g", Name: "result: enum value renamed, plain string and switch", Before: typed("declined", func(s string) string {
			return map[bool]string{true: "refused", false: "paid"}[s == "declined"]
		}), After: typed("card-declined", func(s string) string {
			return map[bool]string{true: "refused", false: "paid"}[s == "card-declined"]
		})},
		{ID: "13h", Name: "result type: struct becomes string", Before: whole, After: typed("p5", func(s string) string { return s })},
		{ID: "13i", Name: "result type: string becomes struct", Before: typed("p5", func(s string) string { return s }), After: whole},
		{ID: "13k", Name: "step without result gains one", Before: around(func(c *code) { do(c, step(c, "charge", op.None{})) }), After: whole},
		{ID: "36a", Name: "error registration renamed", Before: declined(codec.Sentinel("declined", errDeclined)), After: declined(codec.Sentinel("card-declined", errDeclined))},
		{ID: "36d", Name: "error registration of a group renamed", Before: grouped(codec.Sentinel("declined", errDeclined)), After: grouped(codec.Sentinel("card-declined", errDeclined))},
		{ID: "36e", Name: "error registration of a group removed", Before: grouped(codec.Sentinel("declined", errDeclined)), After: grouped()},
		{ID: "36b", Name: "error registration added", Before: declined(codec.Sentinel("declined", errDeclined)), After: declined(codec.Sentinel("declined", errDeclined), codec.Sentinel("late", errLate))},
		{ID: "36c", Name: "error registration removed", Before: declined(codec.Sentinel("declined", errDeclined)), After: declined()},
	}
}

type renamed struct {
	ID     string
	Amount int `json:"total"`
}

type spelled struct{ ID, Amount string }

type pointed struct {
	ID     string
	Amount *int
}

type moved struct {
	ID string
	In struct{ Amount int }
}

// checked is a string that refuses values it does not know.
type checked string

// UnmarshalText reads a known value.
func (s *checked) UnmarshalText(b []byte) error {
	if *s = checked(b); *s != "card-declined" {
		return fmt.Errorf("unknown status %q", *s)
	}
	return nil
}

// taking is a version with an input.
func taking[In any](read func(In) string) Version {
	return version(func(c *code, in In) string {
		c.run("reserve")
		c.add(read(in))
		c.run("~cool-off", "ship")
		return c.result()
	})
}

// inputs are edits of what a handler takes and returns.
func inputs() []Edit {
	const input = `{"ID":"o","Amount":5}`
	whole := taking(func(p payment) string { return p.ID + strconv.Itoa(p.Amount) })
	order := sequence("reserve", "~cool-off", "ship")
	return []Edit{
		{ID: "35a", Name: "input type gains a field", Input: input, Before: whole, After: taking(func(p struct {
			payment

			Note string
		},
		) string {
			return p.ID + strconv.Itoa(p.Amount)
		})},
		{ID: "35b", Name: "input type: JSON tag renamed", Input: input, NewInput: `{"ID":"o","total":5}`, Before: whole, After: taking(func(p renamed) string { return p.ID + strconv.Itoa(p.Amount) })},
		{ID: "35c", Name: "input type: int becomes string", Input: input, Before: whole, After: taking(func(p spelled) string { return p.ID + p.Amount })},
		{ID: "35d", Name: "output type of the handler changes", Before: order, After: version(func(c *code, _ op.None) []string {
			c.run("reserve", "~cool-off", "ship")
			return []string{c.result()}
		})},
	}
}
