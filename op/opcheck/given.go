package opcheck

import (
	"cmp"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// This file is about names and keys that helpers are given: a function that runs an operation
// whose name is its parameter claims that name in the scope of its caller.

// naming is an operation that a function runs whose name or key it is given. Parameters are counted
// from 1, with the receiver.
type naming struct {
	Name     string
	NameFrom int
	Keyed    bool
	Key      string
	KeyFrom  int
	OpFrom   int // the operation itself, or its builder
	Looped   bool
}

// named is a naming in the package that has the function: it may be inside the one that has the
// parameter.
type named struct {
	name      string
	nameParam *ssa.Parameter
	keyed     bool
	key       string
	keyParam  *ssa.Parameter
	op        *ssa.Parameter
	looped    bool
}

// ran is an operation that a call runs in its own scope, as the caller sees it: a name or a key
// that is no constant is a value.
type ran struct {
	name      string
	nameValue ssa.Value
	keyed     bool
	key       string
	keyValue  ssa.Value
	op        *ssa.Parameter // that is all that is known
	looped    bool           // it is run in a loop of the helper
}

// text is a string if it is a constant, and else what it is made of.
func (m *model) text(v ssa.Value) (string, ssa.Value) {
	if s := constantString(v); s != "" {
		return s, nil
	}
	if sources := m.flow.sources(v); len(sources) == 1 {
		if s := constantString(sources[0]); s != "" {
			return s, nil
		}
		if p, ok := sources[0].(*ssa.Parameter); ok {
			return "", p
		}
	}
	return "", v
}

// asResult is an operation as those know it who call the function that returns it.
func asResult(o *opInfo, fn *ssa.Function) *opInfo {
	r := *o
	r.NameFrom, r.KeyFrom = parameter(o.name, fn), parameter(o.key, fn)
	r.name, r.key = nil, nil
	return &r
}

// parameter is which parameter of the function a value is, counted from 1; 0 for others.
func parameter(v ssa.Value, fn *ssa.Function) int {
	p, ok := v.(*ssa.Parameter)
	if !ok || p.Parent() != fn {
		return 0
	}
	return slices.Index(fn.Params, p) + 1
}

// ownOrNone returns which parameter of the function p is, counted from 1, or 0 if p is nil. ok is
// false if p is a parameter of another function: importers cannot say what that is given.
func ownOrNone(p *ssa.Parameter, fn *ssa.Function) (n int, ok bool) {
	if p == nil {
		return 0, true
	}
	n = parameter(p, fn)
	return n, n > 0
}

// named is an operation that a call returns, with the name and the key that it is given.
func (m *model) named(o *opInfo, c *ssa.Call) *opInfo {
	if o == nil || o.NameFrom == 0 && o.KeyFrom == 0 {
		return o
	}
	r := *o
	if i := o.NameFrom; i > 0 && i <= len(c.Call.Args) {
		r.Name, r.name = m.text(c.Call.Args[i-1])
	}
	if i := o.KeyFrom; i > 0 && i <= len(c.Call.Args) {
		r.Key, r.key = m.text(c.Call.Args[i-1])
	}
	r.NameFrom, r.KeyFrom = 0, 0
	return &r
}

// claimNamed notes an operation that is run if its name or its key is a parameter.
func (m *model) claimNamed(s *sum, r ran) {
	n := named{name: r.name, keyed: r.keyed, key: r.key, op: r.op, looped: r.looped}
	n.nameParam, _ = r.nameValue.(*ssa.Parameter)
	n.keyParam, _ = r.keyValue.(*ssa.Parameter)
	switch {
	case n.op != nil:
	case r.nameValue != nil && n.nameParam == nil, r.name == "" && n.nameParam == nil:
		return // its name is not known
	case n.nameParam == nil && n.keyParam == nil && (!r.keyed || r.key == ""):
		return // a name without a key is among the claims
	}
	s.named[n] = true
}

// includeNamed notes what a callee runs with names and keys that it is given.
func (m *model) includeNamed(s *sum, c site, t target) {
	for _, r := range m.ranBy(c, t) {
		r.looped = r.looped || m.loopsOf(c.instr.Parent()).around(c.instr.Block())
		if r.name != "" && !r.keyed {
			s.claims[r.name] = true
		} else {
			m.claimNamed(s, r)
		}
	}
}

// ranBy is what a callee runs in the scope of the call, with names or keys that it is given.
func (m *model) ranBy(c site, t target) []ran {
	args := c.instr.Common().Args
	if c.instr.Common().IsInvoke() {
		args = append([]ssa.Value{c.instr.Common().Value}, args...)
	}
	var all []ran
	switch {
	case t.fn != nil && m.sums[t.fn] != nil:
		for n := range m.sums[t.fn].named {
			if n.op != nil {
				i := parameter(n.op, t.fn)
				if i == 0 {
					all = append(all, ran{op: n.op, looped: n.looped})
				} else if r, ok := m.ranOf(args, i); ok {
					r.looped = n.looped
					all = append(all, r)
				}
				continue
			}
			r := ran{name: n.name, keyed: n.keyed, key: n.key, looped: n.looped}
			r.name, r.nameValue = m.passed(n.nameParam, t.fn, args, n.name)
			r.key, r.keyValue = m.passed(n.keyParam, t.fn, args, n.key)
			all = append(all, r)
		}
	case t.fact != nil:
		for _, n := range t.fact.Named {
			if n.OpFrom > 0 {
				if r, ok := m.ranOf(args, n.OpFrom); ok {
					r.looped = n.Looped
					all = append(all, r)
				}
				continue
			}
			r := ran{name: n.Name, keyed: n.Keyed, key: n.Key, looped: n.Looped}
			if i := n.NameFrom; i > 0 && i <= len(args) {
				r.name, r.nameValue = m.text(args[i-1])
			}
			if i := n.KeyFrom; i > 0 && i <= len(args) {
				r.key, r.keyValue = m.text(args[i-1])
			}
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b ran) int { return cmp.Or(compare(a.name, b.name), compare(a.key, b.key)) })
	return all
}

// ranOf is the operation that is an argument, counted from 1.
func (m *model) ranOf(args []ssa.Value, i int) (ran, bool) {
	if i > len(args) {
		return ran{}, false
	}
	return m.ranValue(args[i-1])
}

// ranValue is an operation that is run.
func (m *model) ranValue(v ssa.Value) (ran, bool) {
	if o := m.operation(v); o != nil {
		return ran{name: o.Name, nameValue: o.name, keyed: o.Keyed, key: o.Key, keyValue: o.key}, !o.Await
	}
	if sources := m.flow.sources(v); len(sources) == 1 {
		src := sources[0]
		if c, ok := src.(*ssa.Call); ok && !c.Call.IsInvoke() && isBuilder(c.Call.Value.Type()) { // a builder is called
			if made := m.flow.sources(c.Call.Value); len(made) == 1 {
				src = made[0]
			}
		}
		p, ok := src.(*ssa.Parameter)
		return ran{op: p}, ok
	}
	return ran{}, false
}

// passed is the text that a function is given for a parameter of it, or of a function around it.
func (m *model) passed(p *ssa.Parameter, fn *ssa.Function, args []ssa.Value, constant string) (string, ssa.Value) {
	if p == nil {
		return constant, nil
	}
	if p.Parent() != fn {
		return "", p
	}
	if i := slices.Index(fn.Params, p); i < len(args) {
		return m.text(args[i])
	}
	return "", nil
}

// namings are those for importers.
func (s *sum) namings(fn *ssa.Function) []naming {
	var all []naming
	for n := range s.named {
		e := naming{Name: n.name, Keyed: n.keyed, Key: n.key, Looped: n.looped}
		var name, key, op bool
		e.NameFrom, name = ownOrNone(n.nameParam, fn)
		e.KeyFrom, key = ownOrNone(n.keyParam, fn)
		e.OpFrom, op = ownOrNone(n.op, fn)
		if name && key && op {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b naming) int {
		return cmp.Or(compare(a.Name, b.Name), compare(a.Key, b.Key), cmp.Compare(a.NameFrom, b.NameFrom), cmp.Compare(a.KeyFrom, b.KeyFrom),
			cmp.Compare(a.OpFrom, b.OpFrom), boolCompare(a.Looped, b.Looped))
	})
	return all
}

// ranAt are the operations with names or keys that are given to helpers, which a call runs in its
// own scope; and the one that it runs itself.
func (m *model) ranAt(fn *ssa.Function, s site) (direct *ran, through []ran) {
	args := s.instr.Common().Args
	for _, t := range s.targets {
		if runs(t.api) && len(args) > 1 && ownScope(m, fn, args[0]) {
			if r, ok := m.ranValue(args[1]); ok {
				return &r, nil
			}
			return nil, nil
		}
	}
	if len(s.targets) != 1 || !m.ownCall(fn, s) {
		return nil, nil
	}
	return nil, m.ranBy(s, s.targets[0])
}

// ownCall reports whether a call hands on the scope of its caller: its context, or what holds it,
// or by calling a function inside the caller.
func (m *model) ownCall(fn *ssa.Function, s site) bool {
	if _, async := s.instr.(*ssa.Go); async {
		return false
	}
	if contextArg(s.instr) {
		return ownScopeArgs(m, fn, s.instr)
	}
	return len(s.targets) == 1 && s.targets[0].fn != nil && s.targets[0].fn.Parent() != nil && !hasContext(s.targets[0].fn.Signature)
}

// invariant reports whether a value is the same in each round of the loop around a block.
func (m *model) invariant(v ssa.Value, at *ssa.BasicBlock, depth int) bool {
	l := m.loopsOf(at.Parent())
	within := func(b *ssa.BasicBlock) bool { return b == at || l.reaches(at, b) && l.reaches(b, at) }
	var same func(v ssa.Value, depth int) bool
	same = func(v ssa.Value, depth int) bool {
		if depth > 10 {
			return false
		}
		i, ok := v.(ssa.Instruction)
		if !ok {
			return true
		}
		if i.Parent() != at.Parent() {
			return false
		}
		if !within(i.Block()) {
			return true
		}
		switch v := v.(type) {
		case *ssa.BinOp:
			return same(v.X, depth+1) && same(v.Y, depth+1)
		case *ssa.Convert:
			return same(v.X, depth+1)
		case *ssa.ChangeType:
			return same(v.X, depth+1)
		case *ssa.MakeInterface:
			return same(v.X, depth+1)
		case *ssa.Field:
			return same(v.X, depth+1)
		case *ssa.FieldAddr:
			return same(v.X, depth+1)
		case *ssa.UnOp:
			return same(v.X, depth+1) && !m.writtenIn(v.X, at.Parent(), within)
		case *ssa.Slice:
			elems := variadic(v)
			return len(elems) > 0 && !slices.ContainsFunc(elems, func(e ssa.Value) bool { return !same(e, depth+1) })
		case *ssa.Call:
			return formats(calleeObject(v)) && !slices.ContainsFunc(v.Call.Args, func(a ssa.Value) bool { return !same(a, depth+1) })
		}
		return false
	}
	return same(v, depth)
}

// formats reports whether a function makes a text of its arguments and of nothing else.
func formats(obj *types.Func) bool {
	if obj == nil || obj.Pkg() == nil {
		return false
	}
	switch obj.Pkg().Path() {
	case "strconv", "strings":
		return true
	case "fmt":
		return obj.Name() == "Sprint" || obj.Name() == "Sprintf"
	}
	return false
}

// writtenIn reports whether the blocks may write what is at an address.
func (m *model) writtenIn(addr ssa.Value, fn *ssa.Function, within func(*ssa.BasicBlock) bool) bool {
	of := base(addr)
	for _, b := range fn.Blocks {
		if !within(b) {
			continue
		}
		for _, i := range b.Instrs {
			if st, ok := i.(*ssa.Store); ok && base(st.Addr) == of {
				return true
			}
			c, ok := i.(ssa.CallInstruction)
			if !ok || apiName(calleeObject(c)) != "" {
				continue
			}
			if slices.ContainsFunc(c.Common().Args, func(a ssa.Value) bool { return base(a) == of && a != of || a == of && isPointer(of) }) {
				return true
			}
		}
	}
	return false
}

func isPointer(v ssa.Value) bool {
	_, ok := v.Type().Underlying().(*types.Pointer)
	return ok
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
