package replay

import (
	"encoding/json"
	"fmt"

	"github.com/perdure/perdure/internal/lossless"
)

// WithOldInput accepts inputs of a type that the handler took before: those of executions that
// began with it, and of callers that still send it.
//
//	replay.Handler(ship, replay.WithOldInput(func(o OrderV1) (Order, error) {
//		return Order{ID: o.ID, Total: Money{o.Amount, "EUR"}}, nil
//	}))
//
// The JSON of an input alone decides of which type it is, the same in every invocation of an
// execution:
//
//  1. The first type of which the input has all members, and no others: that of the handler, then
//     those of these options in their order. Members that are left out when they are empty
//     (omitempty) may be missing.
//  2. Otherwise the first type that loses nothing of the input, as [codec.Strict] counts it.
//  3. Otherwise the handler's type, as without this option.
//
// Without an input, and for null, upcast is not called. With a codec that writes no JSON
// ([WithHandlerCodec]), the first type that it decodes the input into counts.
//
// upcast must depend on its argument alone. Its error fails an execution of which nothing is
// recorded yet; any other diverges, so that [DivergenceHold] keeps it. Give the newest of several
// old types first. A nil upcast, and one that makes another type than the handler takes, are
// reported by the first invocation.
func WithOldInput[Old, In any](upcast func(Old) (In, error)) HandlerOption {
	return handlerOption(func(set *settings) {
		if upcast == nil {
			set.refuse(fmt.Errorf("replay.WithOldInput[%s](nil): pass a function that makes the handler's input of it", typeOf[Old]()))
			return
		}
		set.oldInputs = append(set.oldInputs, oldInput{
			makes: (*In)(nil),
			name:  "replay.WithOldInput of " + typeOf[Old](),
			fresh: func() any { return new(Old) },
			upcast: func(v any) (in any, err error) {
				defer func() {
					if p := recover(); p != nil {
						err = fmt.Errorf("replay: taking over the input, a %s, panicked: %v", typeOf[Old](), p)
					}
				}()
				old, _ := v.(*Old)
				now, err := upcast(*old)
				if err != nil {
					return nil, fmt.Errorf("replay: the input is a %s and cannot be taken over: %w", typeOf[Old](), err)
				}
				return &now, nil
			},
		})
	})
}

// oldInput is a type that the input of a handler had before.
type oldInput struct {
	makes  any // a nil pointer to the handler's type
	name   string
	fresh  func() any // a pointer to a value of the old type
	upcast func(v any) (any, error)
}

// refuseInputs notes an old input that is made into another type than in points to.
func (set *settings) refuseInputs(in any) {
	for _, o := range set.oldInputs {
		if have, want := fmt.Sprintf("%T", o.makes), fmt.Sprintf("%T", in); o.makes != in {
			set.refuse(fmt.Errorf("%s makes a %s, and the handler takes a %s", o.name, have[1:], want[1:]))
		}
	}
}

// oldInputOf returns what makes the handler's input if the payload is of an old type; nil if it is
// not.
func oldInputOf(set *settings, decode func(v any) error, now any) func(decode func(v any) error) (any, error) {
	if len(set.oldInputs) == 0 {
		return nil
	}
	var raw json.RawMessage
	inJSON := decode(&raw) == nil
	if inJSON && len(raw) == 0 {
		return nil
	}
	fits := func(v any) fit { return fitOf(raw, v) }
	if !inJSON {
		fits = func(v any) fit {
			if decode(v) == nil {
				return exact
			}
			return none
		}
	}
	best, of := fits(now), (*oldInput)(nil)
	for i := range set.oldInputs {
		o := &set.oldInputs[i]
		if f := fits(o.fresh()); f > best {
			best, of = f, o
		}
	}
	if of == nil {
		return nil
	}
	return func(decode func(v any) error) (any, error) {
		v := of.fresh()
		if err := decode(v); err != nil {
			return nil, err
		}
		return of.upcast(v)
	}
}

// fit is how well a document is of a type.
type fit int

const (
	none  fit = iota // it is not, or something of it would be lost
	loose            // nothing is lost
	exact            // and nothing is missing
)

// fitOf says how well a document is of the type that v points to.
func fitOf(doc []byte, v any) fit {
	switch {
	case json.Unmarshal(doc, v) != nil, len(lossless.Of(doc, v, lossless.Options{Nulls: true})) > 0:
		return none
	case lossless.Missing(doc, v) != "":
		return loose
	}
	return exact
}

func typeOf[T any]() string { return fmt.Sprintf("%T", (*T)(nil))[1:] }
