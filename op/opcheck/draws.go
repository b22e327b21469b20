package opcheck

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// drawn is what a call does because of what it is given: a generator of random numbers that was
// seeded by chance, or that lives as long as the process; a reader of random bytes.
func (m *model) drawn(obj *types.Func, args []ssa.Value) []target {
	if obj == nil || obj.Pkg() == nil {
		return nil
	}
	what := ""
	switch {
	case m.know.of(obj) == random, obj.Pkg().Path() == "crypto/rsa": // which has lines of its own
	case isGenerator(obj) && len(args) > 0 && m.byChance(args[0], 0):
		what = short(obj)
	case slices.ContainsFunc(args, m.isRandomReader):
		what = short(obj) + " of rand.Reader"
	}
	if what == "" {
		return nil
	}
	return []target{{fact: &funcFact{Effects: []effect{{Kind: random, What: what}}}}}
}

// isGenerator reports whether a function is a method of a generator of random numbers.
func isGenerator(obj *types.Func) bool {
	path := obj.Pkg().Path()
	recv := obj.Signature().Recv()
	return (path == "math/rand" || path == "math/rand/v2") && recv != nil && typeName(recv.Type()) == "Rand"
}

// byChance reports whether a generator is a package variable, or is made of the clock or of random
// numbers.
func (m *model) byChance(v ssa.Value, depth int) bool {
	if depth > 8 {
		return false
	}
	if load, ok := v.(*ssa.UnOp); ok && depth == 0 {
		if _, global := load.X.(*ssa.Global); global {
			return true
		}
	}
	return slices.ContainsFunc(m.flow.sources(unwrap(v)), func(src ssa.Value) bool {
		switch src := src.(type) {
		case *ssa.Call:
			obj := calleeObject(src)
			if apiName(obj) != "" {
				return false
			}
			switch m.know.of(obj) {
			case clock, random, process:
				return true
			}
			return slices.ContainsFunc(src.Call.Args, func(a ssa.Value) bool { return m.byChance(a, depth+1) })
		case *ssa.Convert:
			return m.byChance(src.X, depth+1)
		case *ssa.BinOp:
			return m.byChance(src.X, depth+1) || m.byChance(src.Y, depth+1)
		case *ssa.MakeInterface:
			return m.byChance(src.X, depth+1)
		}
		return false
	})
}

// isRandomReader reports whether a value is crypto/rand.Reader.
func (m *model) isRandomReader(v ssa.Value) bool {
	return slices.ContainsFunc(m.flow.sources(unwrap(v)), func(src ssa.Value) bool {
		load, ok := src.(*ssa.UnOp)
		if !ok {
			return false
		}
		g, ok := load.X.(*ssa.Global)
		return ok && g.Pkg != nil && g.Pkg.Pkg.Path() == "crypto/rand" && g.Name() == "Reader"
	})
}
