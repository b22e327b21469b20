package opcheck

import (
	"go/constant"
	"maps"

	"golang.org/x/tools/go/ssa"
)

// operation is what is known about a value that is an operation or a builder; nil if nothing.
func (m *model) operation(v ssa.Value) *opInfo { return m.operationDeep(v, 0) }

func (m *model) operationDeep(v ssa.Value, depth int) *opInfo {
	if depth > 10 {
		return nil
	}
	var info *opInfo
	for _, src := range m.flow.sources(v) {
		o := m.operationOf(src, depth)
		switch {
		case o == nil:
			return nil
		case info != nil && *o != *info:
			return nil
		}
		info = o
	}
	return info
}

func (m *model) operationOf(src ssa.Value, depth int) *opInfo {
	if load, ok := src.(*ssa.UnOp); ok {
		if f := m.varFact(load.X); f != nil {
			return f.Op
		}
		return nil
	}
	c, ok := src.(*ssa.Call)
	if !ok {
		return nil
	}
	fn := c.Call.StaticCallee()
	if fn == nil {
		if isBuilder(c.Call.Value.Type()) {
			return m.operationDeep(c.Call.Value, depth+1)
		}
		return nil
	}
	obj := objectOf(fn)
	switch api := apiName(obj); {
	case constructor(api):
		o := &opInfo{Kind: kindOf(api), Left: leftBehind(api)}
		o.Name, o.name = m.text(c.Call.Args[0])
		return o
	case claimsNothing(api):
		return &opInfo{Await: true}
	case keys(api) || adapts(api):
		o := m.operationDeep(c.Call.Args[0], depth+1)
		if o == nil {
			return nil
		}
		info := *o
		if keys(api) {
			info.Keyed, info.Key, info.key = true, "", nil
			if isOp(c.Type()) {
				info.Key, info.key = m.text(c.Call.Args[1])
			}
		}
		return &info
	}
	if in := m.here(fn); in != nil {
		return m.named(m.sums[in].op, c)
	}
	if f := m.fact(obj); f != nil {
		return m.named(f.Op, c)
	}
	return nil
}

func constantString(v ssa.Value) string {
	if c, ok := v.(*ssa.Const); ok && c.Value != nil && c.Value.Kind() == constant.String {
		return constant.StringVal(c.Value)
	}
	return ""
}

// claim notes the name of an operation that is run without a key.
func (m *model) claim(fn *ssa.Function, s *sum, c site) {
	args := c.instr.Common().Args
	if len(args) < 2 || !ownScope(m, fn, args[0]) {
		return
	}
	maps.Copy(s.claims, m.change(args[1], 0).news)
	if r, ok := m.ranValue(args[1]); ok {
		r.looped = m.loopsOf(c.instr.Parent()).around(c.instr.Block())
		m.claimNamed(s, r)
	}
}

// ownScope reports whether the context is the one that the function was given, or that a function
// around it was given.
func ownScope(m *model, _ *ssa.Function, ctx ssa.Value) bool {
	for _, src := range m.flow.sources(ctx) {
		if _, ok := src.(*ssa.Parameter); !ok {
			return false
		}
	}
	return true
}
