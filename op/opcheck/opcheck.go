// Package opcheck finds mistakes in durable handlers that compile: what a replay does again or
// otherwise, operations that are declared and never run, results that the log does not keep.
//
// Handler code is what a function with an op.Context does, itself and through the functions it
// calls, in this package or another; bodies of operations are no part of it. The checker knows both
// by their types. It does not analyse the standard library and well-known modules: lists say what
// their functions do, and a user may add to them. A call that it cannot follow is not reported, but
// counted by the rule unresolved.
//
// [Analyzers] are for any driver: perdure check, go vet -vettool, golangci-lint, a program with
// multichecker. All share one analyzer, which keeps facts, so a helper three packages away counts.
package opcheck

import (
	"cmp"
	"go/types"
	"maps"
	"reflect"
	"slices"
	"sync"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// options are set by flags of the analyzers.
type options struct {
	summaries string
	enabled   map[string]*bool

	load func() (*summary, error)
}

// Analyzers returns one analyzer per rule. Each call returns new ones, with flags of their own:
// -perdure.summaries names a file with further summaries, and an opt-in rule has a flag on, such as
// -idempotency.on. With go vet, give -perdure.digest another value whenever that file changes.
func Analyzers() []*analysis.Analyzer {
	opts := &options{enabled: map[string]*bool{}}
	opts.load = sync.OnceValues(func() (*summary, error) { return loadSummary(opts.summaries) })
	facts := &analysis.Analyzer{
		Name:       "perdure",
		Doc:        "compute what functions do that handler code must not\n\nIt reports nothing itself.",
		Run:        opts.run,
		ResultType: reflect.TypeFor[[]finding](),
		FactTypes:  []analysis.Fact{new(funcFact), new(varFact), new(packageFact)},
	}
	facts.Flags.StringVar(&opts.summaries, "summaries", "", "file with further summaries of functions")
	facts.Flags.String("digest", "", "digest of the summaries: go vet keeps results by its flags, and does not know the file")
	all := []*analysis.Analyzer{facts}
	for _, r := range Rules() {
		a := &analysis.Analyzer{
			Name: r.Name, Doc: r.Title + ".", URL: r.URL(), Requires: []*analysis.Analyzer{facts},
			Run: func(pass *analysis.Pass) (any, error) {
				found, _ := pass.ResultOf[facts].([]finding)
				for _, f := range found {
					if f.rule == r.Name {
						pass.Report(analysis.Diagnostic{
							Pos: f.pos, Category: r.Name, Message: f.message, URL: r.URL(), SuggestedFixes: f.fixes,
						})
					}
				}
				return nil, nil //nolint:nilnil // a rule has no result
			},
		}
		on := !r.OptIn
		opts.enabled[r.Name] = &on
		if r.OptIn {
			a.Flags.BoolVar(&on, "on", false, "report it")
		}
		all = append(all, a)
	}
	return all
}

func (o *options) run(pass *analysis.Pass) (any, error) {
	know, err := o.load()
	if err != nil {
		return nil, err
	}
	if know.covers(pass.Pkg.Path()) {
		return []finding(nil), nil
	}
	m := newModel(pass, know, o)
	m.readFieldCalls()
	m.analyse()
	m.export()
	if usesAPI(pass.Pkg) {
		m.check()
	}
	for _, fn := range m.flow.funcs { // who gives handler code a clock need not import the API
		m.checkWired(fn)
	}
	m.checkAllowances()
	return slices.DeleteFunc(m.found, func(f finding) bool { return !*o.enabled[f.rule] }), nil
}

func usesAPI(p *types.Package) bool {
	return slices.ContainsFunc(p.Imports(), func(i *types.Package) bool { return slices.Contains(apiPackages(), i.Path()) })
}

// check applies all rules.
func (m *model) check() {
	for _, r := range m.regions() {
		m.checkEffects(r)
		m.checkMapOrder(r)
		m.checkConcurrency(r)
		m.checkPackageVars(r)
		m.checkAround(r)
		for _, fn := range r.funcs {
			m.checkReplaying(fn)
		}
		m.checkScope(r)
		m.checkChanges(r)
		m.checkErrors(r)
		m.checkLeft(r)
		m.checkState(r)
	}
	m.checkBodies()
	for _, fn := range m.flow.funcs {
		m.checkDeclarations(fn)
		m.checkTypes(fn)
		m.checkMean(fn)
		m.checkSecrets(fn)
		m.checkReplayed(fn)
		m.checkHandlers(fn)
	}
	seen := map[unresolved]bool{}
	for _, u := range m.unresolved {
		if !seen[u] {
			m.report(ruleUnresolved, u.pos, u.what+", is not followed")
		}
		seen[u] = true
	}
}

// export writes the facts that importers need.
func (m *model) export() {
	for fn := range m.sums {
		obj := objectOf(fn)
		if obj == nil || obj.Pkg() != m.pass.Pkg || fn.Parent() != nil {
			continue
		}
		if f := m.factOf(fn); f != nil {
			m.pass.ExportObjectFact(obj, f)
		}
	}
	for place := range m.flow.stores {
		m.exportVar(place)
	}
	for _, member := range m.pkg.Members {
		if g, ok := member.(*ssa.Global); ok && m.flow.stores[any(g)] == nil {
			m.exportVar(g) // it may be written through a pointer alone
		}
	}
	if calls := m.ownFieldCalls(); len(m.registered)+len(calls)+len(m.submits) > 0 {
		m.pass.ExportPackageFact(&packageFact{Registered: sorted(m.registered), Calls: calls, Submits: sorted(m.submits)})
	}
}

func (m *model) exportVar(place any) {
	var obj types.Object
	f := &varFact{}
	switch p := place.(type) {
	case *ssa.Global:
		obj = p.Object()
		f.Changes = m.changes(p)
	case *types.Var:
		obj = p
	default:
		return
	}
	if obj == nil || obj.Pkg() != m.pass.Pkg || !obj.Exported() && !embedded(obj) {
		return
	}
	f.Methods = m.methodsOf(obj, m.flow.stores[place])
	for i, v := range m.flow.stores[place] {
		for _, src := range m.flow.sources(v) {
			if _, ok := src.Type().Underlying().(*types.Signature); !ok {
				continue
			}
			for _, t := range m.sourceFuncs(src) {
				f.Effects = append(f.Effects, m.effectsOf(t)...)
			}
		}
		if t := v.Type(); isOp(t) || isBuilder(t) {
			o := m.operation(v)
			if i > 0 && (o == nil || f.Op == nil || *o != *f.Op) {
				o = nil
			}
			f.Op = o
		}
		if isOptions(v.Type()) {
			o := m.optionsOf(v, 0)
			f.Options = &o
		}
	}
	if len(f.Effects) > 0 || f.Op != nil || f.Changes || f.Options != nil || f.Methods != nil {
		m.pass.ExportObjectFact(obj, f)
	}
}

// embedded reports whether a field is embedded: others call its methods whatever its name is.
func embedded(obj types.Object) bool {
	v, ok := obj.(*types.Var)
	return ok && v.Embedded()
}

// methodsOf are the effects of the methods of what is stored in a variable of an interface type,
// by name; nil if it is not known what all that is.
func (m *model) methodsOf(obj types.Object, stored []ssa.Value) methods {
	i, ok := obj.Type().Underlying().(*types.Interface)
	if !ok {
		return nil
	}
	return m.methodsIn(i, stored)
}

// methodsIn are the effects of the methods of an interface that may be one of the values; nil if it
// is not known of one what it is.
func (m *model) methodsIn(i *types.Interface, of []ssa.Value) methods {
	var all methods
	for method := range i.Methods() {
		f := methodFact{Name: method.Name()}
		for _, v := range of {
			for _, src := range m.flow.sources(v) {
				if isNil(src) {
					continue
				}
				targets := m.methodOn(src, method.Name())
				if len(targets) == 0 {
					return nil
				}
				for _, t := range targets {
					for _, e := range m.namedEffects(t) {
						if e.Where == "" {
							e.Where = m.where(src.Pos())
						}
						f.Effects = append(f.Effects, e)
					}
				}
			}
		}
		all = append(all, f)
	}
	if len(of) == 0 {
		return nil
	}
	return all
}

// factOf is what importers need to know about a function; nil if nothing.
func (m *model) factOf(fn *ssa.Function) *funcFact {
	f := m.sums[fn].fact(fn)
	if methods := m.returnedMethods(fn); methods != nil {
		if f == nil {
			f = &funcFact{}
		}
		f.Methods = methods
	}
	return f
}

// fact is what importers need to know; nil if nothing.
func (s *sum) fact(fn *ssa.Function) *funcFact {
	f := &funcFact{
		Effects: values(s.effects), Result: values(s.result), Keyed: values(s.keyed),
		Runs: s.runs, Claims: sorted(s.claims), Op: s.op, Ordered: s.ordered, Info: s.info,
	}
	for i, p := range fn.Params {
		if s.params[p] {
			f.Called = append(f.Called, i)
		}
		if s.bodies[p] {
			f.Bodies = append(f.Bodies, i)
		}
		if s.writes[i] {
			f.Writes = append(f.Writes, i)
		}
	}
	for i := range fn.Params {
		if where, ok := s.leaves[i]; ok {
			f.Leaves = append(f.Leaves, leaving{i, where})
		}
	}
	for i, p := range fn.Params {
		if s.async[p] {
			f.Async = append(f.Async, i)
		}
		if s.looped[p] {
			f.Looped = append(f.Looped, i)
		}
		if s.inOrder[p] {
			f.InOrder = append(f.InOrder, i)
		}
		if s.submits[p] {
			f.Submits = append(f.Submits, i)
		}
		if s.locked[p] {
			f.Locked = append(f.Locked, i)
		}
	}
	f.Effects = slices.DeleteFunc(f.Effects, func(e effect) bool { return e.Kind == rulePackageVar && !e.Own })
	f.Logs, f.Locks, f.Records = slices.Sorted(maps.Keys(s.logs)), s.locks, slices.Sorted(maps.Keys(s.records))
	f.Replaying = s.replaying
	f.Reads = slices.Sorted(maps.Keys(s.reads))
	f.Fails, f.Passes = s.fails, slices.Sorted(maps.Keys(s.passes))
	f.Invokes, f.Sets = s.invoking(fn), s.setTo(fn)
	f.Drops, f.Options, f.Fresh, f.Named = drops(fn), s.options, s.fresh, s.namings(fn)
	f.Asks = slices.SortedFunc(maps.Keys(s.asks), func(a, b asking) int {
		return cmp.Or(cmp.Compare(a.Param, b.Param), compare(a.What, b.What))
	})
	f.Needs, f.State, f.Ignores = sortedNeeds(s.needs), sortedNeeds(s.state), s.ignores
	if len(f.Effects)+len(f.Result)+len(f.Called)+len(f.Bodies)+len(f.Writes)+len(f.Claims)+len(f.Needs)+len(f.Keyed)+len(f.Leaves)+len(f.State)+
		len(f.Async)+len(f.Looped)+len(f.Drops)+len(f.Asks)+len(f.Named)+len(f.Invokes)+len(f.Sets)+len(f.Passes)+len(f.Reads)+len(f.InOrder)+
		len(f.Logs)+len(f.Submits)+len(f.Locked)+len(f.Records) == 0 &&
		!f.Runs && f.Op == nil && !f.Ordered && !f.Info && f.Ignores == nil && f.Options == nil && !f.Fresh && !f.Fails && !f.Locks && !f.Replaying {
		return nil
	}
	return f
}

func sortedNeeds(set map[need]bool) []need {
	return slices.SortedFunc(maps.Keys(set), func(a, b need) int {
		return cmp.Or(compare(a.What, b.What), compare(a.Where, b.Where))
	})
}
