package opcheck

import (
	"fmt"
	"go/ast"
	"go/types"
	"reflect"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// checkTypes reports types of results, inputs and states that JSON does not keep.
func (m *model) checkTypes(fn *ssa.Function) {
	for _, b := range fn.Blocks {
		for _, i := range b.Instrs {
			c, ok := i.(*ssa.Call)
			if !ok {
				continue
			}
			m.checkRecorded(c)
			api := apiName(calleeObject(c))
			_, handler := handles(api)
			_, call := passes(api)
			if !constructor(api) && !handler && !call || m.ownCodec(c) {
				continue
			}
			for _, t := range recorded(c, api) {
				if lost := lostOfAPI(t.typ); lost != "" && keepsResult(api) {
					m.report(ruleLossy, c.Pos(), fmt.Sprintf("the %s type %s: %s, so nothing of it is recorded; use it in the scope that it belongs to", t.what, types.TypeString(t.typ, types.RelativeTo(m.pass.Pkg)), lost))
					continue
				}
				m.checkNumbers(c, api, t)
				if t.what == "input" && call && types.IsInterface(t.typ) || isAny(t.typ) {
					continue // what is in it is encoded; nothing is promised of what comes out
				}
				if loss := m.loss(t.typ, t.typ, map[types.Type]bool{}); loss != "" {
					m.report(ruleLossy, c.Pos(), fmt.Sprintf("the %s type %s: %s, so it is not what was returned on a replay, nor on the first run; give it exported fields of plain types, a MarshalJSON and UnmarshalJSON, or a codec",
						t.what, types.TypeString(t.typ, types.RelativeTo(m.pass.Pkg)), loss))
				}
			}
		}
	}
}

// isAny reports whether a type, or the items of a batch, is any: a choice that is made with open
// eyes.
func isAny(t types.Type) bool {
	if n, ok := types.Unalias(t).(*types.Named); ok && ofAPI(t) && n.TypeArgs().Len() == 1 {
		t = n.TypeArgs().At(0)
	}
	i, ok := types.Unalias(t).(*types.Interface)
	return ok && i.Empty()
}

type recordedType struct {
	what string
	typ  types.Type
}

// recorded are the types that a declaration has recorded.
func recorded(c *ssa.Call, api string) []recordedType {
	var all []recordedType
	input, call := passes(api)
	_, handler := handles(api)
	switch {
	case handler:
		if p, ok := c.Type().(*types.Pointer); ok {
			if n, ok := p.Elem().(*types.Named); ok && n.TypeArgs().Len() == 2 {
				all = append(all, recordedType{"input", n.TypeArgs().At(0)}, recordedType{"result", n.TypeArgs().At(1)})
			}
		}
	case call:
		if len(c.Call.Args) > input {
			all = append(all, recordedType{"input", c.Call.Args[input].Type()})
		}
		fallthrough
	default:
		if t := result(c.Type()); t != nil {
			all = append(all, recordedType{"result", t})
		}
	}
	return all
}

// ownCodec reports whether the values of an operation do not become JSON by the default codec.
func (m *model) ownCodec(c *ssa.Call) bool {
	found := false
	onwards(c, func(use ssa.Instruction, _ ssa.Value) bool {
		call, ok := use.(*ssa.Call)
		if ok && withCodec(apiName(calleeObject(call))) {
			found = true
		}
		return ok && adapts(apiName(calleeObject(call)))
	})
	for _, a := range c.Call.Args {
		if s, ok := a.(*ssa.Slice); ok {
			for _, v := range variadic(s) {
				for _, src := range m.flow.sources(unwrap(v)) {
					if o, ok := src.(*ssa.Call); ok && withCodec(apiName(calleeObject(o))) {
						found = true
					}
				}
			}
		}
	}
	return found || m.codecs()
}

// codecs reports whether a handler of the package has a codec of its own: then types are not
// judged.
func (m *model) codecs() bool {
	for _, s := range m.sums {
		for _, c := range s.sites {
			for _, t := range c.targets {
				if t.api == "replay.WithCodec" {
					return true
				}
			}
		}
	}
	return false
}

// loss says what JSON loses of a type; "" if nothing.
func (m *model) loss(t, whole types.Type, seen map[types.Type]bool) string {
	t = types.Unalias(t)
	if lost := lostOfAPI(t); lost != "" {
		return lost
	}
	if seen[t] || ofAPI(t) {
		if n, ok := t.(*types.Named); ok && ofAPI(t) && n.TypeArgs().Len() > 0 && !seen[t] && !isCallback(t) {
			seen[t] = true
			for a := range n.TypeArgs().Types() {
				if l := m.loss(a, whole, seen); l != "" {
					return l
				}
			}
		}
		return ""
	}
	seen[t] = true
	if marshals(t) {
		if has(t, "MarshalJSON") && !has(t, "UnmarshalJSON") && !has(t, "UnmarshalText") {
			return typeName(t) + " has a MarshalJSON and no UnmarshalJSON"
		}
		return ""
	}
	switch u := t.Underlying().(type) {
	case *types.Chan:
		return "a channel cannot be encoded"
	case *types.Signature:
		return "a function cannot be encoded"
	case *types.Interface:
		if _, ok := t.(*types.TypeParam); ok {
			return ""
		}
		if u.NumMethods() > 0 {
			return fmt.Sprintf("interface %s cannot be decoded", types.TypeString(t, types.RelativeTo(m.pass.Pkg)))
		}
		return "an any is decoded as a map, a slice or a float64"
	case *types.Basic:
		if u.Info()&types.IsComplex != 0 || u.Kind() == types.UnsafePointer {
			return u.Name() + " cannot be encoded"
		}
	case *types.Pointer:
		return m.loss(u.Elem(), whole, seen)
	case *types.Slice:
		return m.loss(u.Elem(), whole, seen)
	case *types.Array:
		return m.loss(u.Elem(), whole, seen)
	case *types.Map:
		if k, ok := u.Key().Underlying().(*types.Basic); (!ok || k.Info()&(types.IsString|types.IsInteger) == 0) && !marshals(u.Key()) {
			if _, param := types.Unalias(u.Key()).(*types.TypeParam); !param {
				return fmt.Sprintf("a map with keys of %s cannot be encoded", types.TypeString(u.Key(), types.RelativeTo(m.pass.Pkg)))
			}
		}
		return m.loss(u.Elem(), whole, seen)
	case *types.Struct:
		return m.lossOfStruct(t, u, whole, seen)
	}
	return ""
}

func (m *model) lossOfStruct(t types.Type, s *types.Struct, whole types.Type, seen map[types.Type]bool) string {
	tags := map[string]string{}
	for i := range s.NumFields() {
		f := s.Field(i)
		tag := reflect.StructTag(s.Tag(i)).Get("json")
		if name, _, _ := strings.Cut(tag, ","); name != "" && name != "-" && f.Exported() {
			if other := tags[name]; other != "" {
				return fmt.Sprintf("fields %s and %s have the tag %q, so JSON has neither", other, f.Name(), name)
			}
			tags[name] = f.Name()
		}
		switch {
		case tag == "-", f.Name() == "_":
			continue
		case f.Embedded() && tag == "":
			if l := m.loss(f.Type(), whole, seen); l != "" {
				return l
			}
			continue
		case !f.Exported():
			name := typeName(t)
			if n, ok := t.(*types.Named); !ok || n.Obj() == nil {
				name = "a struct"
			}
			return fmt.Sprintf("field %s of %s is not exported", f.Name(), name)
		}
		if l := m.loss(f.Type(), whole, seen); l != "" {
			return "field " + f.Name() + ": " + l
		}
	}
	return ""
}

// marshals reports whether a type becomes JSON by methods of its own.
func marshals(t types.Type) bool {
	return has(t, "MarshalJSON") || has(t, "MarshalText")
}

// has reports whether a type, or a pointer to it, has a method.
func has(t types.Type, method string) bool {
	for _, t := range []types.Type{t, types.NewPointer(t)} {
		if obj, _, _ := types.LookupFieldOrMethod(t, true, nil, method); obj != nil {
			if _, ok := obj.(*types.Func); ok {
				return true
			}
		}
	}
	return false
}

// isStatement reports whether the results of a call are not assigned to anything.
func (m *model) isStatement(c *ssa.Call) bool {
	file := m.fileOf(c.Pos())
	if file == nil {
		return false
	}
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.ExprStmt); ok {
			if call, ok := ast.Unparen(s.X).(*ast.CallExpr); ok && call.Lparen == c.Pos() {
				found = true
			}
		}
		return !found
	})
	return found
}

// checkNumbers reports numbers of recorded types that JSON, or who else reads them, does not keep.
// The rules are opt-in.
func (m *model) checkNumbers(c *ssa.Call, api string, t recordedType) {
	if n, ok := types.Unalias(t.typ).(*types.Named); ok && isCallback(n) {
		t.typ = n.TypeArgs().At(0)
	}
	name := types.TypeString(t.typ, types.RelativeTo(m.pass.Pkg))
	if *m.opts.enabled[ruleNaN] {
		if path := numberIn(t.typ, "", map[types.Type]bool{}, types.IsFloat); path != "" {
			m.report(ruleNaN, c.Pos(), fmt.Sprintf("the %s type %s: %s, and JSON has neither NaN nor infinities: the operation fails when its value is one; divide by nothing that may be zero, or record a pointer that is nil, or a text", t.what, name, path))
		}
	}
	if others := crosses(api); others && *m.opts.enabled[ruleBigInt] {
		if path := numberIn(t.typ, "", map[types.Type]bool{}, types.IsInteger); path != "" {
			m.report(ruleBigInt, c.Pos(), fmt.Sprintf("the %s type %s: %s, and others that read it may take numbers for float64, as JavaScript does, which loses digits above 2⁵³; write the number as a text, with the option string in its tag", t.what, name, path))
		}
	}
}

// numberIn is where in a type a number of the kind is, of floats or of integers with 64 bits; "" if
// nowhere.
func numberIn(t types.Type, path string, seen map[types.Type]bool, kind types.BasicInfo) string {
	t = types.Unalias(t)
	if seen[t] || marshals(t) {
		return ""
	}
	seen[t] = true
	defer delete(seen, t)
	switch u := t.Underlying().(type) {
	case *types.Basic:
		wide := kind == types.IsFloat || u.Kind() == types.Int64 || u.Kind() == types.Uint64
		if u.Info()&kind == 0 || !wide {
			return ""
		}
		if path == "" {
			return "it is " + u.Name()
		}
		return fmt.Sprintf("field %s is %s", path, u.Name())
	case *types.Pointer:
		return numberIn(u.Elem(), path, seen, kind)
	case *types.Slice:
		return numberIn(u.Elem(), path+"[]", seen, kind)
	case *types.Array:
		return numberIn(u.Elem(), path+"[]", seen, kind)
	case *types.Map:
		return numberIn(u.Elem(), path+"[]", seen, kind)
	case *types.Struct:
		for i := range u.NumFields() {
			f := u.Field(i)
			tag := reflect.StructTag(u.Tag(i)).Get("json")
			if tag == "-" || !f.Exported() && !f.Embedded() || strings.Contains(tag+",", ",string,") {
				continue
			}
			inner := f.Name()
			if path != "" {
				inner = path + "." + f.Name()
			}
			if found := numberIn(f.Type(), inner, seen, kind); found != "" {
				return found
			}
		}
	}
	return ""
}

// crosses reports whether values of what the function makes are read, or written, by other code.
func crosses(api string) bool {
	_, handler := handles(api)
	_, call := passes(api)
	return handler || call || outcomeOfCallback(api)
}
