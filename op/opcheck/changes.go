package opcheck

import (
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// change is what is known about an operation that may be a declared change: the names that its
// newest side claims, and those that only older sides have, without a key, or with a constant one.
type change struct {
	declared   bool
	news, olds map[string]bool
	fixed      map[string]bool // names of the newest side with the constant key that they have
	fixedOlds  map[string]bool
}

func newChange() change {
	return change{news: map[string]bool{}, olds: map[string]bool{}, fixed: map[string]bool{}, fixedOlds: map[string]bool{}}
}

// old has all names of another operation as those of an older side.
func (c change) old(o change) {
	for _, set := range []map[string]bool{o.news, o.olds} {
		for n := range set {
			if !c.news[n] {
				c.olds[n] = true
			}
		}
	}
	for _, set := range []map[string]bool{o.fixed, o.fixedOlds} {
		for n := range set {
			if !c.fixed[n] {
				c.fixedOlds[n] = true
			}
		}
	}
}

// withKey is a name with a constant key.
func withKey(name, key string) string { return name + "\x00" + key }

// change is what an operation claims.
func (m *model) change(v ssa.Value, depth int) change {
	c := newChange()
	if depth > 8 {
		return c
	}
	sources := m.flow.sources(v)
	if len(sources) == 1 {
		if call, ok := sources[0].(*ssa.Call); ok {
			if found, ok := m.declaredBy(call, depth); ok {
				return found
			}
		}
	}
	switch o := m.operation(v); {
	case o == nil || o.Name == "" || o.Await:
	case !o.Keyed:
		c.news[o.Name] = true
	case o.Key != "":
		c.fixed[withKey(o.Name, o.Key)] = true
	}
	return c
}

// declaredBy is what a call that declares a change, or adapts one, claims.
func (m *model) declaredBy(call *ssa.Call, depth int) (change, bool) {
	args := call.Call.Args
	if call.Call.StaticCallee() == nil {
		if isBuilder(call.Call.Value.Type()) {
			c := m.change(call.Call.Value, depth+1)
			return c, c.declared
		}
		return change{}, false
	}
	switch api := apiName(calleeObject(call)); api {
	case apiReplaces:
		c := m.change(args[0], depth+1)
		c.old(m.change(args[1], depth+1))
		c.declared = true
		return c, true
	case apiAdded:
		c := m.change(args[0], depth+1)
		c.declared = true
		return c, true
	case apiRemoved:
		c := newChange()
		c.old(m.change(args[0], depth+1))
		c.declared = true
		return c, true
	case apiInline:
		c := newChange()
		for _, src := range m.flow.sources(args[1]) {
			if fn := functionOf(src); fn != nil && m.sums[fn] != nil {
				maps.Copy(c.news, m.sums[fn].claims)
			}
		}
		return c, true
	case "op.Op.Was", "op.Builder.Was":
		c := m.change(args[0], depth+1)
		if len(c.news) > 0 {
			if name := constantString(args[1]); name != "" && !c.news[name] {
				c.olds[name] = true
			}
		}
		c.declared = true
		return c, true
	case "op.Op.WasKey", "op.Builder.WasKey": // that the old side has no key is what it declares
		c := m.change(args[0], depth+1)
		c.declared = true
		return c, true
	default:
		if !adapts(api) {
			return change{}, false
		}
		c := m.change(args[0], depth+1)
		if keys(api) {
			c.news, c.olds = map[string]bool{}, map[string]bool{}
			if o := m.operation(call); o != nil && o.Key != "" {
				c.fixed[withKey(o.Name, o.Key)] = true
			}
		}
		return c, c.declared || len(c.news) > 1
	}
}

// changeAt is the change that a call runs in its own scope.
func (m *model) changeAt(fn *ssa.Function, s site) (change, bool) {
	args := s.instr.Common().Args
	for _, t := range s.targets {
		if runs(t.api) && len(args) > 1 && ownScope(m, fn, args[0]) {
			return m.change(args[1], 0), true
		}
	}
	return change{}, false
}

// checkChanges reports declared changes that are run in a loop without a key, and names that are
// declared as gone and run later in the scope.
func (m *model) checkChanges(r region) {
	for _, fn := range r.funcs {
		l := m.loopsOf(fn)
		sites := m.sums[fn].sites
		for _, a := range sites {
			c, ok := m.changeAt(fn, a)
			if !ok || !c.declared {
				continue
			}
			if names := sorted(c.news); l.around(a.instr.Block()) && len(names)+len(c.olds) > 0 {
				names = append(names, sorted(c.olds)...)
				m.report(ruleDeclared, a.instr.Pos(), fmt.Sprintf("a declared change of %q runs in a loop without a key: which round an execution has begun is then counted, and what was recorded for one round may become that of another; give each side its item's key", names[0]))
				continue
			}
			for _, b := range sites {
				if a.instr != b.instr && l.after(a.instr, b.instr) { // before it, it may be another one of the name
					m.checkStillRun(fn, a, b, c)
				}
			}
		}
	}
}

// checkStillRun reports an operation that is declared as gone by one call and run by a later one.
func (m *model) checkStillRun(fn *ssa.Function, a, b site, c change) {
	other, direct := m.changeAt(fn, b)
	runsNow := slices.Clone(m.claims(fn, b))
	if direct {
		runsNow = append(sorted(other.news), sorted(other.fixed)...)
	}
	for _, name := range runsNow {
		if c.olds[name] || c.fixedOlds[name] {
			m.report(ruleDeclared, a.instr.Pos(), fmt.Sprintf("operation %s is declared as gone here, and runs later in this scope at %s: the record of an execution that has begun it is the declaration's, and the operation is refused; declare it where it does not run, or give the later one another key", quoted(name), m.where(b.instr.Pos())))
		}
	}
}

// quoted is a name, with its key if it has a constant one, as messages write it.
func quoted(name string) string {
	name, key, keyed := strings.Cut(name, "\x00")
	if !keyed {
		return strconv.Quote(name)
	}
	return fmt.Sprintf("%q with the key %q", name, key)
}

// checkChange applies the rules for how a change is declared.
func (m *model) checkChange(fn *ssa.Function, c *ssa.Call, api string) {
	switch {
	case api == apiReplaces:
		a, b := m.operation(c.Call.Args[0]), m.operation(c.Call.Args[1])
		if a != nil && b != nil && a.Name != "" && a.Name == b.Name && a.Kind == b.Kind && !a.Await && !b.Await &&
			a.Keyed == b.Keyed && a.Key == b.Key && (!a.Keyed || a.Key != "") {
			m.report(ruleDeclared, c.Pos(), fmt.Sprintf("both sides are a %s of the name %q and of one key, so no log says which one was begun: give the new one another name", strings.ToLower(a.Kind), a.Name))
		}
	case api == apiGo && m.isInline(c.Call.Args[1]):
		m.report(ruleDeclared, c.Pos(), "an op.Inline has no record, and cannot be started: make it an op.Group")
	case compensates(api) && m.isInline(c.Call.Args[0]):
		m.report(ruleDeclared, c.Pos(), "an op.Inline has no record that could be undone: give the operations inside an Undo each")
	case combines(api):
		for _, a := range c.Call.Args {
			operands := []ssa.Value{a}
			if s, ok := a.(*ssa.Slice); ok {
				operands = variadic(s)
			}
			if slices.ContainsFunc(operands, m.isInline) {
				m.report(ruleDeclared, c.Pos(), "an op.Inline has no record, and is no operand: make it an op.Group")
			}
		}
	case api == apiInline:
		for _, src := range m.flow.sources(c.Call.Args[1]) {
			if f := functionOf(src); f != nil && m.sums[f] != nil {
				m.checkInline(f)
			}
		}
	case api == apiPastResult:
		m.checkPast(fn, c)
	}
}

// isInline reports whether an operation is an op.Inline, or has one as a side.
func (m *model) isInline(v ssa.Value) bool {
	for _, src := range m.flow.sources(v) {
		c, ok := src.(*ssa.Call)
		if !ok || c.Call.StaticCallee() == nil {
			continue
		}
		switch api := apiName(calleeObject(c)); api {
		case apiInline:
			return true
		case apiReplaces, apiAdded, apiRemoved:
			if slices.ContainsFunc(c.Call.Args[:min(len(c.Call.Args), 2)], func(a ssa.Value) bool { return isOp(a.Type()) && m.isInline(a) }) {
				return true
			}
		default:
			if adapts(api) && m.isInline(c.Call.Args[0]) {
				return true
			}
		}
	}
	return false
}

// checkInline reports what the function of an op.Inline counts up before its first operation: it
// may be run up to there twice, to find out which operation that is.
func (m *model) checkInline(fn *ssa.Function) {
	l := m.loopsOf(fn)
	each([]*ssa.Function{fn}, func(_ *ssa.Function, i ssa.Instruction) {
		st, ok := i.(*ssa.Store)
		if !ok {
			return
		}
		free, ok := st.Addr.(*ssa.FreeVar)
		if !ok || !addsTo(st.Val, free) {
			return
		}
		for _, s := range m.sums[fn].sites {
			if m.siteRuns(s) && l.after(s.instr, st) {
				return
			}
		}
		m.report(ruleDeclared, st.Pos(), free.Name()+" is changed before the first operation of an op.Inline, which may be run up to there more than once to find out which operation that is: change it after that")
	})
}

// addsTo reports whether a value is made of what a variable holds: n + 1, append(list, x).
func addsTo(v ssa.Value, of ssa.Value) bool {
	loads := func(x ssa.Value) bool {
		load, ok := x.(*ssa.UnOp)
		return ok && load.Op == token.MUL && load.X == of
	}
	switch v := v.(type) {
	case *ssa.BinOp:
		return loads(v.X) || loads(v.Y)
	case *ssa.Call:
		_, builtin := v.Call.Value.(*ssa.Builtin)
		return builtin && len(v.Call.Args) > 0 && loads(v.Call.Args[0])
	}
	return false
}

// checkPast reports a use of what is left of a removed operation that fails in every execution
// which has not begun it.
func (m *model) checkPast(fn *ssa.Function, c *ssa.Call) {
	for _, src := range m.flow.sources(c.Call.Args[0]) {
		if _, ok := src.(*ssa.Parameter); ok {
			return // who has called the function may have asked
		}
	}
	for fn.Parent() != nil {
		fn = fn.Parent()
	}
	asks := false
	for f := range m.family(fn) {
		each([]*ssa.Function{f}, func(_ *ssa.Function, i ssa.Instruction) {
			if call, ok := i.(ssa.CallInstruction); ok && apiName(calleeObject(call)) == apiPastBegun {
				asks = true
			}
			for _, o := range i.Operands(nil) {
				if g, ok := (*o).(*ssa.Global); ok && g.Pkg != nil && g.Pkg.Pkg.Path() == opPath && g.Name() == errRemoved {
					asks = true
				}
			}
		})
	}
	if !asks {
		m.report(ruleDeclared, c.Pos(), "the result of a removed operation is an op.ErrRemoved in every execution that has not begun it: ask Begun before, or for that error afterwards")
	}
}

// lostOfAPI says what JSON loses of a type of the API; "" if nothing.
func lostOfAPI(t types.Type) string {
	for _, name := range []string{"Past", "Op", "Builder", "Context"} {
		if isNamed(t, opPath, name) {
			return "an op." + name + " has no exported fields"
		}
	}
	if isFuture(t) {
		return "a replay.Future has no exported fields"
	}
	return ""
}
