package opcheck

import (
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"strconv"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// model is one package: what its functions do, and what is wrong with it.
type model struct {
	pass   *analysis.Pass
	know   *summary
	opts   *options
	flow   *flow
	sums   map[*ssa.Function]*sum
	bodies map[*ssa.Function]bool // functions that become bodies
	groups map[*ssa.Function]bool // functions that become groups
	again  map[*ssa.Function]bool // functions without an op.Context that are called on each replay
	loops  map[*ssa.Function]loops

	visiting map[*ssa.Function]bool // iterators that are being looked at
	allow    *allowances
	prog     *ssa.Program
	pkg      *ssa.Package

	handlers   map[*ssa.Function]bool // handler code, when it is asked for
	registered map[string]bool        // errors
	handles    bool                   // the package makes a handler
	fieldCalls map[string][]invoking  // of handler code in imported packages, by field

	fieldValues map[string][]ssa.Value // what this package has other packages set, by field
	unresolved  []unresolved

	polls   map[*ssa.Function]bool // bodies of conditions, which run again in other invocations
	submits map[string]bool        // fields that are given the IDs of callbacks
	reading map[*types.Var]bool    // fields that the package reads, when it is asked for
	changed map[*types.Var]bool    // fields, when it is asked for
	held    map[any]bool           // what holds objects that calls write, when it is asked for

	found []finding
	seen  map[string]bool
}

// finding is one mistake.
type finding struct {
	rule    string
	pos     token.Pos
	message string
	fixes   []analysis.SuggestedFix
}

// unresolved is a call in handler code of which it is not known what it calls.
type unresolved struct {
	pos  token.Pos
	what string
}

// sum is what one function does.
type sum struct {
	sites   []site
	effects map[string]effect
	result  map[string]effect
	params  map[*ssa.Parameter]bool // of any function around it, called in it
	bodies  map[*ssa.Parameter]bool
	writes  map[int]bool
	runs    bool
	claims  map[string]bool
	needs   map[need]bool
	op      *opInfo
	opKnown bool
	ordered bool
	info    bool
	keyed   map[string]effect
	ignores *effect
	leaves  map[int]string // where a parameter is written through in a body
	state   map[need]bool
	async   map[*ssa.Parameter]bool // of any function around it, called on other goroutines
	looped  map[*ssa.Parameter]bool // of any function around it, called in a loop
	asks    map[asking]bool
	options *optInfo
	fresh   bool
	named   map[named]bool
	fails   bool
	passes  map[int]bool
	reads   map[int]bool
	inOrder map[*ssa.Parameter]bool
	logs    map[int]bool
	submits map[*ssa.Parameter]bool
	locked  map[*ssa.Parameter]bool
	locks   bool

	replaying bool
	records   map[int]bool
	invokes   map[invoke]bool
	sets      map[setting]bool
}

// site is one call.
type site struct {
	instr   ssa.CallInstruction
	targets []target
	known   bool // all that it may call is known
}

// target is a function that may be called: in this package with its code, or elsewhere with what is
// known about it.
type target struct {
	fn   *ssa.Function
	obj  *types.Func
	fact *funcFact
	api  string
}

func (t target) name() string {
	switch {
	case t.obj != nil:
		return short(t.obj)
	case t.fn != nil:
		return t.fn.Name()
	}
	return "a function value"
}

// short is how a function is called in messages.
func short(fn *types.Func) string {
	name := fn.Name()
	if recv := fn.Signature().Recv(); recv != nil {
		name = typeName(recv.Type()) + "." + name
	}
	if fn.Pkg() != nil {
		name = fn.Pkg().Name() + "." + name
	}
	return name
}

func newModel(pass *analysis.Pass, know *summary, opts *options) *model {
	m := &model{
		pass: pass, know: know, opts: opts, sums: map[*ssa.Function]*sum{}, bodies: map[*ssa.Function]bool{}, groups: map[*ssa.Function]bool{},
		again: map[*ssa.Function]bool{}, loops: map[*ssa.Function]loops{}, seen: map[string]bool{}, visiting: map[*ssa.Function]bool{}, registered: map[string]bool{},
		polls: map[*ssa.Function]bool{},
	}
	m.allow = readAllowances(pass)
	m.prog = ssa.NewProgram(pass.Fset, ssa.BuilderMode(0))
	for _, p := range pass.Pkg.Imports() {
		m.prog.CreatePackage(p, nil, nil, true)
	}
	m.pkg = m.prog.CreatePackage(pass.Pkg, pass.Files, pass.TypesInfo, false)
	m.pkg.Build()
	m.flow = newFlow(m.functions())
	return m
}

// functions are all functions of the package, with those inside them.
func (m *model) functions() []*ssa.Function {
	var all []*ssa.Function
	var add func(fn *ssa.Function)
	add = func(fn *ssa.Function) {
		all = append(all, fn)
		for _, a := range fn.AnonFuncs {
			add(a)
		}
	}
	if init := m.pkg.Func("init"); init != nil {
		add(init)
	}
	for _, file := range m.pass.Files {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				if obj, ok := m.pass.TypesInfo.Defs[d.Name].(*types.Func); ok {
					if fn := m.prog.FuncValue(obj); fn != nil {
						add(fn)
					}
				}
			}
		}
	}
	return all
}

// analyse computes what every function does.
func (m *model) analyse() {
	m.readRegistered()
	for _, fn := range m.flow.funcs {
		s := &sum{
			effects: map[string]effect{}, result: map[string]effect{}, params: map[*ssa.Parameter]bool{},
			bodies: map[*ssa.Parameter]bool{}, writes: map[int]bool{}, claims: map[string]bool{}, needs: map[need]bool{},
			keyed: map[string]effect{}, leaves: map[int]string{}, state: map[need]bool{},
			async: map[*ssa.Parameter]bool{}, looped: map[*ssa.Parameter]bool{}, asks: map[asking]bool{},
			named: map[named]bool{}, passes: map[int]bool{}, reads: map[int]bool{}, inOrder: map[*ssa.Parameter]bool{},
			logs: map[int]bool{}, submits: map[*ssa.Parameter]bool{}, locked: map[*ssa.Parameter]bool{}, records: map[int]bool{}, invokes: map[invoke]bool{}, sets: map[setting]bool{},
		}
		m.sums[fn] = s
	}
	each(m.flow.funcs, func(fn *ssa.Function, i ssa.Instruction) {
		if c, ok := i.(ssa.CallInstruction); ok {
			s := m.site(c)
			m.sums[fn].sites = append(m.sums[fn].sites, s)
			for _, t := range s.targets {
				if _, ok := handles(t.api); ok {
					m.handles = true
				}
			}
		}
		if c, ok := i.(*ssa.ChangeType); ok && isBuilder(c.Type()) { // op.Builder[In, Out](func …)
			for _, t := range m.sourceFuncs(c.X) {
				if t.fn != nil {
					m.again[t.fn] = true
				}
			}
		}
	})
	for range 20 {
		changed := false
		for _, fn := range m.flow.funcs {
			changed = m.update(fn) || changed
		}
		if !changed {
			break
		}
	}
}

// site resolves a call.
func (m *model) site(c ssa.CallInstruction) site {
	s := site{instr: c, known: true}
	common := c.Common()
	if common.IsInvoke() {
		if p := common.Method.Pkg(); p != nil && p.Path() == "context" {
			return s
		}
		if t, ok := m.external(common.Method); ok {
			s.targets = append(s.targets, t)
			return s
		}
		for _, src := range m.flow.sources(common.Value) {
			found := m.methodOn(src, common.Method.Name())
			s.targets = append(s.targets, found...)
			s.known = s.known && (len(found) > 0 || isNil(src))
		}
		s.known = s.known && len(s.targets) > 0
		return s
	}
	if _, ok := common.Value.(*ssa.Builtin); ok {
		return s
	}
	if fn := common.StaticCallee(); fn != nil {
		s.targets = append(m.targetsOf(fn, common.Value), m.drawn(objectOf(fn), common.Args)...)
		return s
	}
	if isBuilder(common.Value.Type()) {
		return s // it makes an operation
	}
	for _, src := range m.flow.sources(common.Value) {
		targets, ok := m.callable(src)
		s.targets = append(s.targets, targets...)
		s.known = s.known && ok
	}
	return s
}

func isNil(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.Value == nil
}

// method is the method of a concrete type.
func (m *model) method(t types.Type, method *types.Func) target {
	obj, _, _ := types.LookupFieldOrMethod(t, true, method.Pkg(), method.Name())
	if fn, ok := obj.(*types.Func); ok {
		return m.target(fn)
	}
	return target{obj: method}
}

// results are the values that a function returns in a place.
func results(fn *ssa.Function, i int) []ssa.Value {
	var all []ssa.Value
	for _, b := range fn.Blocks {
		if r, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok && i < len(r.Results) {
			all = append(all, r.Results[i])
		}
	}
	return all
}

func functionOf(v ssa.Value) *ssa.Function {
	switch v := v.(type) {
	case *ssa.Function:
		return v
	case *ssa.MakeClosure:
		fn, _ := v.Fn.(*ssa.Function)
		return fn
	}
	return nil
}

// targetsOf are the functions behind one: a wrapper's method, a generic function's origin.
func (m *model) targetsOf(fn *ssa.Function, v ssa.Value) []target {
	if c, ok := v.(*ssa.MakeClosure); ok && fn.Synthetic != "" && len(c.Bindings) == 1 && fn.Object() != nil {
		method, _ := fn.Object().(*types.Func)
		if recv := c.Bindings[0]; types.IsInterface(recv.Type()) { // a method value of an interface
			var all []target
			for _, src := range m.flow.sources(recv) {
				if mi, ok := src.(*ssa.MakeInterface); ok {
					all = append(all, m.method(mi.X.Type(), method))
				}
			}
			return all
		}
		return []target{m.target(method)}
	}
	if fn.Origin() != nil {
		fn = fn.Origin()
	}
	if m.sums[fn] != nil || fn.Parent() != nil {
		return []target{{fn: fn, obj: objectOf(fn)}}
	}
	if obj := objectOf(fn); obj != nil {
		return []target{m.target(obj)}
	}
	return []target{{fn: fn}}
}

func objectOf(fn *ssa.Function) *types.Func {
	if fn.Origin() != nil {
		fn = fn.Origin()
	}
	obj, _ := fn.Object().(*types.Func)
	if obj == nil {
		return nil
	}
	return obj.Origin()
}

// here is the function with its code, if this package has it.
func (m *model) here(fn *ssa.Function) *ssa.Function {
	if fn == nil {
		return nil
	}
	if fn.Origin() != nil {
		fn = fn.Origin()
	}
	if m.sums[fn] != nil {
		return fn
	}
	if obj := objectOf(fn); obj != nil && obj.Pkg() == m.pass.Pkg {
		if in := m.prog.FuncValue(obj); in != nil && m.sums[in] != nil {
			return in
		}
	}
	return nil
}

// target is what is known about a declared function.
func (m *model) target(obj *types.Func) target {
	obj = obj.Origin()
	if t, ok := m.external(obj); ok {
		return t
	}
	if obj.Pkg() == m.pass.Pkg {
		if fn := m.prog.FuncValue(obj); fn != nil {
			return target{fn: fn, obj: obj}
		}
	}
	return target{obj: obj, fact: m.fact(obj)}
}

// external is a function that summaries or the API know.
func (m *model) external(obj *types.Func) (target, bool) {
	if api := apiName(obj); api != "" {
		return target{obj: obj, api: api}, true
	}
	if kind := m.know.of(obj); kind != "" {
		t := target{obj: obj, fact: &funcFact{}}
		if rule(kind) || kind == blocking {
			t.fact.Effects = []effect{{Kind: kind, What: short(obj)}}
		}
		t.fact.Ordered = kind == mapOrder
		return t, true
	}
	return target{}, false
}

// rule reports whether the kind is a rule of its own.
func rule(kind string) bool {
	switch kind {
	case clock, random, environ, files, network, process:
		return true
	}
	return false
}

func (m *model) fact(obj *types.Func) *funcFact {
	f := new(funcFact)
	if obj != nil && obj.Pkg() != m.pass.Pkg && m.pass.ImportObjectFact(obj, f) {
		return f
	}
	return nil
}

// varFact is what is known about the variable or field at an address that another package declares.
func (m *model) varFact(addr ssa.Value) *varFact {
	var obj types.Object
	switch a := addr.(type) {
	case *ssa.Global:
		obj = a.Object()
	case *ssa.FieldAddr:
		if v := fieldOf(a.X.Type(), a.Field); v != nil {
			obj = v
		}
	}
	f := new(varFact)
	if obj != nil && obj.Pkg() != nil && obj.Pkg() != m.pass.Pkg && m.pass.ImportObjectFact(obj, f) {
		return f
	}
	return nil
}

// where is a position for messages.
func (m *model) where(pos token.Pos) string {
	p := m.pass.Fset.Position(pos)
	if !p.IsValid() {
		return "?"
	}
	return filepath.Base(p.Filename) + ":" + strconv.Itoa(p.Line)
}

// report adds a finding, once, unless it is allowed.
func (m *model) report(rule string, pos token.Pos, message string, fixes ...analysis.SuggestedFix) {
	m.reportOf(rule, pos, "", message, fixes...)
}

// reportOf is report where several things can be wrong in one place.
func (m *model) reportOf(rule string, pos token.Pos, what, message string, fixes ...analysis.SuggestedFix) {
	if !pos.IsValid() {
		return
	}
	key := rule + m.pass.Fset.Position(pos).String() + what
	if m.seen[key] || m.allow.allows(rule, pos) {
		return
	}
	m.seen[key] = true
	m.found = append(m.found, finding{rule: rule, pos: pos, message: message, fixes: fixes})
}

// posOf is where a call is written; that of an iterator is where the loop over it is.
func posOf(c ssa.CallInstruction) token.Pos {
	if c.Pos().IsValid() {
		return c.Pos()
	}
	for _, a := range c.Common().Args {
		if fn := functionOf(a); fn != nil {
			return fn.Pos()
		}
	}
	return token.NoPos
}

func (m *model) loopsOf(fn *ssa.Function) loops {
	if m.loops[fn] == nil {
		m.loops[fn] = loops{}
	}
	return m.loops[fn]
}
