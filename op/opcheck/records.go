package opcheck

import (
	"fmt"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// This file is about generic functions that have values of a type parameter recorded: what type
// that is shows where they are called.

// updateRecords finds the type parameters of a function whose values are recorded.
func (m *model) updateRecords(fn *ssa.Function, s *sum) {
	params := fn.Signature.TypeParams()
	if params.Len() == 0 {
		return
	}
	note := func(t types.Type) {
		for i := range params.Len() {
			if p := typeParam(t); p != nil && params.At(i) == p {
				s.records[i] = true
			}
		}
	}
	for f := range m.family(fn) {
		each([]*ssa.Function{f}, func(_ *ssa.Function, i ssa.Instruction) {
			c, ok := i.(*ssa.Call)
			if !ok {
				return
			}
			if api := apiName(calleeObject(c)); constructor(api) && !m.ownCodec(c) {
				for _, t := range recorded(c, api) {
					note(t.typ)
				}
			}
			for _, t := range m.recordedBy(c) {
				note(t)
			}
		})
	}
}

// typeParam is the type parameter that a type is, or is a list of or a pointer to; nil for others.
func typeParam(t types.Type) *types.TypeParam {
	switch t := types.Unalias(t).(type) {
	case *types.TypeParam:
		return t
	case *types.Slice:
		return typeParam(t.Elem())
	case *types.Pointer:
		return typeParam(t.Elem())
	case *types.Named:
		if ofAPI(t) && t.TypeArgs().Len() > 0 {
			return typeParam(t.TypeArgs().At(0))
		}
	}
	return nil
}

// recordedBy are the type arguments of a call whose values the callee has recorded.
func (m *model) recordedBy(c *ssa.Call) []types.Type {
	fn := c.Call.StaticCallee()
	if fn == nil || len(fn.TypeArgs()) == 0 || apiName(objectOf(fn)) != "" {
		return nil
	}
	var records []int
	if in := m.here(fn); in != nil {
		records = slices.Sorted(maps.Keys(m.sums[in].records))
	} else if f := m.fact(objectOf(fn)); f != nil {
		records = f.Records
	}
	var all []types.Type
	for _, i := range records {
		if i < len(fn.TypeArgs()) {
			all = append(all, fn.TypeArgs()[i])
		}
	}
	return all
}

// checkRecorded reports what a generic function is called with and has recorded.
func (m *model) checkRecorded(c *ssa.Call) {
	for _, t := range m.recordedBy(c) {
		if isAny(t) || m.ownCodec(c) {
			continue
		}
		if loss := m.loss(t, t, map[types.Type]bool{}); loss != "" {
			m.report(ruleLossy, c.Pos(), fmt.Sprintf("%s records a %s: %s, so it is not what was returned on a replay, nor on the first run; give it exported fields of plain types, a MarshalJSON and UnmarshalJSON, or a codec",
				short(calleeObject(c)), types.TypeString(t, types.RelativeTo(m.pass.Pkg)), loss))
		}
	}
}
