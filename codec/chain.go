package codec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Chain returns a codec that has the payloads of base pass the transforms, in their order, and on
// reading back in the opposite one.
//
// A payload that no transform changes is recorded as base made it. Any other is recorded as a JSON
// string that names what it went through:
//
//	"~perdure1:zstd,seal:b8kRq…"
//
// After the names stands b before bytes in base64 (URL alphabet, no padding), or t before text.
// That costs 14 bytes and the names, the third that base64 adds to binary data, and two backslashes
// on the wire; it is valid JSON, so that it may also be the input of a function.
//
// Decode reads by these names, whatever the chain writes now: transforms may be added and reordered
// while executions run, and one that is no longer written with stays as [ReadOnly]. Payloads
// without the mark are given to base, those of executions that began without a chain and input from
// outside for example; [Required] refuses them. A string of the user's that happens to begin with
// "~perdure is written in the form above, without names. One that was recorded before there was a
// chain, or that comes from outside, would be taken for a payload of a chain, and refused. A
// payload of base that is not valid UTF-8 is written in base64, so that base may be binary.
//
// Every conversion fails with a permanent [*Error] if base or a transform is nil, or if a name is
// not valid or used twice. Decode fails with one if a payload names an unknown transform or a later
// form.
func Chain(base Codec, transforms ...Transform) Codec {
	c := &chain{base: base, transforms: slices.Clone(transforms)}
	c.err = c.check()

	return c
}

type chain struct {
	base       Codec
	transforms []Transform
	err        error
}

// Err reports a chain that cannot convert anything: see [Chain].
func (c *chain) Err() error {
	return c.err
}

// Pure reports whether base and all transforms are: see [IsPure]. An invalid chain fails without
// calling them.
func (c *chain) Pure() bool {
	if c.err != nil {
		return true
	}

	for _, t := range c.transforms {
		if !isPure(t) {
			return false
		}
	}

	return isPure(c.base)
}

func (c *chain) check() error {
	if c.base == nil {
		return errors.New("codec.Chain: the base is nil: pass codec.JSON()")
	}

	if err := Validate(c.base); err != nil {
		return err
	}

	var names []string

	for i, t := range c.transforms {
		if t == nil {
			return fmt.Errorf("codec.Chain: transform %d is nil", i+1)
		}

		name := t.Name()
		if !isTransformName(name) {
			return fmt.Errorf("codec.Chain: transform %d has the name %q: use 1 to %d of a-z, 0-9 and -", i+1, name, maxName)
		}

		if slices.Contains(names, name) {
			return fmt.Errorf("codec.Chain: two transforms have the name %q: keep the one that reads what the other wrote", name)
		}

		names = append(names, name)
	}

	if len(names) > maxNames {
		return fmt.Errorf("codec.Chain: %d transforms, at most %d are possible", len(names), maxNames)
	}

	return nil
}

// Encode returns the payload of base after the transforms.
func (c *chain) Encode(ctx context.Context, m Meta, v any) ([]byte, error) {
	if c.err != nil {
		return nil, newError(m, false, c.err)
	}

	p, err := c.base.Encode(ctx, m, v)
	if err != nil {
		return nil, wrap(m, false, err)
	}

	at := Stage{Meta: m}

	for _, t := range c.transforms {
		out, ok, err := t.Apply(ctx, at, p)
		if err != nil {
			return nil, wrap(m, false, err)
		}

		if ok {
			p, at.Through = out, through(at.Through, t.Name())
		}
	}

	if at.Through == "" && !needsFrame(p) {
		return p, nil
	}

	return appendFrame(at.Through, p), nil
}

// Open returns what base of a [Chain] encoded, and the codec that decodes it: interpreters read
// many payloads beside each other with it before any is decoded. For other codecs it returns the
// payload and the codec. Its errors are those of [Decode].
func Open(ctx context.Context, c Codec, m Meta, payload []byte) (plain []byte, base Codec, err error) {
	defer func() {
		if p := recover(); p != nil {
			plain, base, err = nil, nil, newError(m, true, panicked(p))
		}
	}()

	of, ok := c.(*chain)
	if !ok {
		return payload, c, nil
	}

	if of.err != nil {
		return nil, nil, newError(m, true, of.err)
	}

	if plain, err = of.open(ctx, m, payload); err != nil {
		return nil, nil, wrap(m, true, err)
	}

	return plain, of.base, nil
}

// Decode has base decode what the transforms were given.
func (c *chain) Decode(ctx context.Context, m Meta, payload []byte, v any) error {
	if c.err != nil {
		return newError(m, true, c.err)
	}

	p, err := c.open(ctx, m, payload)
	if err != nil {
		return wrap(m, true, err)
	}

	return c.base.Decode(ctx, m, p, v)
}

// open returns what base encoded.
func (c *chain) open(ctx context.Context, m Meta, payload []byte) ([]byte, error) {
	f, err := parseFrame(payload)
	if err != nil {
		return nil, err
	}

	for _, t := range c.transforms {
		if isRequired(t) && !slices.Contains(f.names, t.Name()) {
			return nil, fmt.Errorf("the payload did not go through %q, which this chain requires: %s", t.Name(),
				"it was replaced, or written before the chain had it")
		}
	}

	p := f.body

	for i, name := range slices.Backward(f.names) {
		t := c.named(name)
		if t == nil {
			return nil, fmt.Errorf("the payload went through %q, which this chain does not have: add it, with codec.ReadOnly "+
				"if it is not to be written any more", name)
		}

		if p, err = t.Revert(ctx, Stage{Meta: m, Through: strings.Join(f.names[:i], ",")}, p); err != nil {
			return nil, err
		}
	}

	return p, nil
}

// named returns the transform of that name, or nil.
func (c *chain) named(name string) Transform {
	for _, t := range c.transforms {
		if t.Name() == name {
			return t
		}
	}

	return nil
}

// through adds a name to those before it.
func through(before, name string) string {
	if before == "" {
		return name
	}

	return before + "," + name
}
