package codec

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/perdure/perdure/internal/lossless"
)

// Strict returns a codec that writes what [JSON] writes, and refuses to read a payload of which the
// value would lose something. A renamed JSON tag, a field that has moved or is gone, and a step
// that had no result before are then an error, and not a zero value. On a replay that error is a
// divergence.
//
// These are lost:
//
//   - A member that has no place in the type: whatever it holds, the value is the same. What an
//     UnmarshalJSON of the type reads has a place, so that it may take over old members.
//   - An element that an array of Go is too short for.
//   - A number that the type does not hold exactly: an integer above 2⁵³ in a float64 or an any, a
//     float64 in a float32.
//   - A null where the type needs a value: of a struct that was a pointer, for instance. In inputs,
//     which others write, null leaves the zero value, as with [JSON].
//   - An absent payload, but for a struct without fields such as op.None: the operation had no
//     result when it was recorded. Such a struct itself writes {}, so an empty object is refused by
//     a type that would write members; not in inputs, where members may be missing.
//
// dropped names members that may be lost on purpose: "note", "customer.fax", "lines[].note" for
// each element, "*.note" for each member; what is in such a place is lost with it. With several
// places in one payload at most eight are named. Where a type has more than 64 places that it reads
// and does not write, those after the 64th are not looked at.
//
// A payload that the type would write in the same way costs one more encoding; any other is decoded
// several times.
func Strict(dropped ...string) Codec {
	return &strictCodec{dropped: slices.Clone(dropped)}
}

type strictCodec struct {
	jsonCodec

	dropped []string
}

// Err reports a member that is no place: see [Validate].
func (s *strictCodec) Err() error {
	for _, d := range s.dropped {
		if strings.Trim(d, ".") == "" {
			return fmt.Errorf("codec.Strict(%q): name a member that may be lost, such as \"note\" or \"lines[].note\"", d)
		}
	}

	return nil
}

// Decode stores the value of payload in the variable that v points to, if it loses nothing.
func (s *strictCodec) Decode(ctx context.Context, m Meta, payload []byte, v any) error {
	if err := s.Err(); err != nil {
		return newError(m, true, err)
	}

	if len(payload) == 0 {
		return s.absent(m, v)
	}

	if err := s.jsonCodec.Decode(ctx, m, payload, v); err != nil {
		return err
	}

	if err := s.empty(m, payload, v); err != nil {
		return err
	}

	lost := s.losses(m, payload, v)
	if len(lost) == 0 {
		return nil
	}

	texts := make([]string, len(lost))
	for i, l := range lost {
		texts[i] = l.String()
	}

	return newError(m, true, fmt.Errorf("%s: give it a place, declare the change, or name what may be lost in codec.Strict",
		strings.Join(texts, ", and ")))
}

// absent refuses a payload that is not there for a type that has values.
func (s *strictCodec) absent(m Meta, v any) error {
	if !lossless.HasValues(v) {
		return nil
	}

	return newError(m, true, fmt.Errorf("the record has no value, and %s needs one: "+
		"the operation had no result when it was recorded", strings.TrimPrefix(fmt.Sprintf("%T", v), "*")))
}

// empty refuses an object without members, which a struct without fields writes, for a type that
// always writes some.
func (s *strictCodec) empty(m Meta, payload []byte, v any) error {
	const object = "{}"
	if len(payload) > len(object)+2 || string(bytes.TrimSpace(payload)) != object || m.Part == PartInput {
		return nil
	}

	member := lossless.Missing([]byte(object), v)
	if member == "" || slices.ContainsFunc(s.dropped, func(d string) bool { return lossless.Matches(d, member) }) {
		return nil
	}

	return newError(m, true, fmt.Errorf("the record has no members, and %s has %s: the operation had no result when it was recorded, "+
		"or one of a type without such members", strings.TrimPrefix(fmt.Sprintf("%T", v), "*"), member))
}

func (s *strictCodec) losses(m Meta, payload []byte, v any) (all []Loss) {
	switch v.(type) {
	case *string, **string:
		if len(payload) > 0 && payload[0] == '"' {
			return nil // without what the check allocates
		}
	}

	o := lossless.Options{Nulls: m.Part == PartInput, Dropped: s.dropped}
	for _, l := range lossless.Of(payload, v, o) {
		all = append(all, Loss(l))
	}

	return all
}

// Loss is a part of a payload that a value has lost.
type Loss struct {
	// Path is where it stands: .lines[3].note; empty for the whole payload.
	Path string
	// Problem is the rest of a sentence that begins with the path: "has no place in main.Payment".
	Problem string
}

// String returns the sentence.
func (l Loss) String() string {
	if l.Path == "" {
		return "the recorded value " + l.Problem
	}

	return "the recorded member " + l.Path + " " + l.Problem
}

// Losses returns what a decode with c loses of payload, as [Strict] counts it, for interpreters: v
// points to the value that it was decoded into. A codec other than JSON, Strict and a [Chain] of
// them loses nothing that is known. Its errors are those of [Decode].
func Losses(ctx context.Context, c Codec, m Meta, payload []byte, v any) (lost []Loss, err error) {
	defer func() {
		if p := recover(); p != nil {
			lost, err = nil, newError(m, true, panicked(p))
		}
	}()

	plain, base, err := Open(ctx, c, m, payload)
	if err != nil {
		return nil, err
	}

	s, ok := base.(*strictCodec)
	if !ok && base == JSON() {
		s, ok = &strictCodec{}, true
	}

	if !ok || len(plain) == 0 {
		return nil, nil
	}

	return s.losses(m, plain, v), nil
}

// IsStrict reports whether c, or the base of a [Chain], is that of [Strict]: for interpreters,
// which give it also the payloads that are absent.
func IsStrict(c Codec) bool {
	if of, ok := c.(*chain); ok {
		return of.err == nil && IsStrict(of.base)
	}

	_, ok := c.(*strictCodec)

	return ok
}

// IsJSON reports whether c is that of [JSON] or [Strict], which write the same and read strings in
// the same way: for interpreters.
func IsJSON(c Codec) bool {
	if c == JSON() {
		return true
	}

	_, ok := c.(*strictCodec)

	return ok
}
