package main

import (
	"cmp"
	"fmt"
	"go/constant"
	"go/types"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// surface writes the declarations that users of a package see, as Go without bodies.
//
//  1. Exported declarations stand as they are, in the order of their names.
//  2. An unexported type that one of them mentions has its exported fields and methods.
//  3. Unexported fields are one field that is comparable if they are.
//  4. Of the unexported methods of an interface the names stay: they say what implements it. Their
//     signatures left out: no other package can call them.
//  5. A type has the unexported methods that an interface of its package asks for.
type surface struct {
	pkg     *types.Package
	imports map[string]string // by path: the name that the package has in the text
	names   map[string]bool   // those that are taken
	queued  map[*types.TypeName]bool
	queue   []*types.TypeName
	sealing map[string]bool // unexported methods of the package's interfaces
}

// writeSurface returns the text of a package, which begins with the line that [split] looks for;
// empty if it exports nothing.
func writeSurface(pkg *types.Package) string {
	s := &surface{
		pkg: pkg, imports: make(map[string]string), names: make(map[string]bool),
		queued: make(map[*types.TypeName]bool), sealing: make(map[string]bool),
	}
	scope := pkg.Scope()
	for _, name := range scope.Names() {
		s.names[name] = true
		if t, ok := scope.Lookup(name).(*types.TypeName); ok {
			s.seal(t)
		}
	}
	var decls []string
	for _, name := range scope.Names() {
		if o := scope.Lookup(name); o.Exported() {
			if t, ok := o.(*types.TypeName); ok {
				s.enqueue(t)
				continue
			}
			decls = append(decls, s.value(o))
		}
	}
	for len(s.queue) > 0 {
		t := s.queue[0]
		s.queue = s.queue[1:]
		decls = append(decls, s.typeDecl(t))
	}
	if len(decls) == 0 {
		return ""
	}
	slices.SortFunc(decls, func(a, b string) int { return cmp.Compare(sortKey(a), sortKey(b)) })
	var b strings.Builder
	fmt.Fprintf(&b, "package %s // %s\n\n", pkg.Name(), pkg.Path())
	for _, p := range slices.Sorted(maps.Keys(s.imports)) {
		if name := s.imports[p]; name == path.Base(p) {
			fmt.Fprintf(&b, "import %q\n", p)
		} else {
			fmt.Fprintf(&b, "import %s %q\n", name, p)
		}
	}
	if len(s.imports) > 0 {
		b.WriteByte('\n')
	}
	for _, d := range decls {
		b.WriteString(d)
	}
	return b.String()
}

// sortKey orders declarations: constants, variables, functions, types.
func sortKey(decl string) string {
	word, rest, _ := strings.Cut(decl, " ")
	return map[string]string{"const": "1", "var": "2", "func": "3", "type": "4"}[word] + rest
}

// seal notes the unexported methods of an interface.
func (s *surface) seal(t *types.TypeName) {
	in, ok := t.Type().Underlying().(*types.Interface)
	if !ok || !t.Exported() {
		return
	}
	for m := range in.Methods() {
		if !m.Exported() {
			s.sealing[m.Name()] = true
		}
	}
}

func (s *surface) enqueue(t *types.TypeName) {
	if !s.queued[t] {
		s.queued[t] = true
		s.queue = append(s.queue, t)
	}
}

// text writes a type. Types of the package that it mentions are written, too.
func (s *surface) text(t types.Type) string {
	s.mentioned(t, make(map[types.Type]bool))
	return types.TypeString(t, s.qualify)
}

func (s *surface) qualify(p *types.Package) string {
	if p == s.pkg {
		return ""
	}
	if name, ok := s.imports[p.Path()]; ok {
		return name
	}
	name := p.Name()
	for s.names[name] {
		name += "_"
	}
	s.names[name] = true
	s.imports[p.Path()] = name
	return name
}

// mentioned queues the unexported types of the package that a type mentions.
func (s *surface) mentioned(t types.Type, seen map[types.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	visit := func(t types.Type) { s.mentioned(t, seen) }
	switch t := t.(type) {
	case *types.Named:
		s.named(t.Obj())
		for a := range t.TypeArgs().Types() {
			visit(a)
		}
	case *types.Alias:
		s.named(t.Obj())
		for a := range t.TypeArgs().Types() {
			visit(a)
		}
	case interface{ Elem() types.Type }: // pointers, slices, arrays, channels
		if m, ok := t.(*types.Map); ok {
			visit(m.Key())
		}
		visit(t.Elem())
	case *types.Signature:
		for v := range t.Params().Variables() {
			visit(v.Type())
		}
		for v := range t.Results().Variables() {
			visit(v.Type())
		}
		for p := range t.TypeParams().TypeParams() {
			visit(p.Constraint())
		}
	case *types.Struct:
		for f := range t.Fields() {
			visit(f.Type())
		}
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			visit(m.Type())
		}
		for e := range t.EmbeddedTypes() {
			visit(e)
		}
	case *types.Union:
		for term := range t.Terms() {
			visit(term.Type())
		}
	}
}

func (s *surface) named(o *types.TypeName) {
	if o.Pkg() == s.pkg && o.Parent() == s.pkg.Scope() {
		s.enqueue(o)
	}
}

// value declares a constant, a variable or a function.
func (s *surface) value(o types.Object) string {
	switch o := o.(type) {
	case *types.Const:
		kind := " " + s.text(o.Type())
		if b, ok := o.Type().(*types.Basic); ok && b.Info()&types.IsUntyped != 0 {
			kind = ""
		}
		return fmt.Sprintf("const %s%s = %s\n", o.Name(), kind, literal(o.Val()))
	case *types.Var:
		return fmt.Sprintf("var %s %s\n", o.Name(), s.text(o.Type()))
	}
	return fmt.Sprintf("func %s%s\n", o.Name(), s.signature(o.Type()))
}

// literal writes a constant: a fraction stays one.
func literal(v constant.Value) string {
	if v.Kind() == constant.Float {
		return v.String()
	}
	return v.ExactString()
}

// signature writes what follows the name of a function. Results without a name have invented ones
// in export data if the function returns from inside of a loop over an iterator.
func (s *surface) signature(t types.Type) string {
	text := s.text(t)
	if sig, ok := t.(*types.Signature); ok && sig.Results().Len() == 1 { // one has no parentheses
		if before, result, ok := strings.Cut(text, "(#rv1 "); ok {
			text = before + strings.TrimSuffix(result, ")")
		}
	}
	return strings.TrimPrefix(invented.ReplaceAllString(text, ""), "func")
}

var invented = regexp.MustCompile(`#rv\d+ `)

// typeDecl declares a type and its methods.
func (s *surface) typeDecl(o *types.TypeName) string {
	var b strings.Builder
	if o.IsAlias() {
		target := o.Type()
		params := ""
		if a, ok := target.(*types.Alias); ok {
			params = s.typeParams(a.TypeParams())
			target = a.Rhs()
		}
		return fmt.Sprintf("type %s%s = %s\n", o.Name(), params, s.text(target))
	}
	named, ok := o.Type().(*types.Named)
	if !ok {
		return ""
	}
	fmt.Fprintf(&b, "type %s%s %s\n", o.Name(), s.typeParams(named.TypeParams()), s.underlying(named))
	var methods []string
	for m := range named.Methods() {
		if m.Exported() || s.sealing[m.Name()] {
			methods = append(methods, s.method(o.Name(), m))
		}
	}
	slices.SortFunc(methods, func(a, b string) int { return cmp.Compare(methodName(a), methodName(b)) })
	for _, m := range methods {
		b.WriteString(m)
	}
	return b.String()
}

func methodName(decl string) string {
	_, rest, _ := strings.Cut(decl, ") ")
	return rest
}

func (s *surface) method(of string, m *types.Func) string {
	sig := m.Signature()
	star := ""
	if _, ptr := sig.Recv().Type().(*types.Pointer); ptr {
		star = "*"
	}
	var params []string
	for p := range sig.RecvTypeParams().TypeParams() {
		params = append(params, p.Obj().Name())
	}
	if len(params) > 0 {
		of += "[" + strings.Join(params, ", ") + "]"
	}
	if !m.Exported() {
		return fmt.Sprintf("func (%s%s) %s()\n", star, of, m.Name())
	}
	return fmt.Sprintf("func (%s%s) %s%s\n", star, of, m.Name(), s.signature(sig))
}

func (s *surface) typeParams(list *types.TypeParamList) string {
	var params []string
	for p := range list.TypeParams() {
		params = append(params, p.Obj().Name()+" "+s.text(p.Constraint()))
	}
	if len(params) == 0 {
		return ""
	}
	return "[" + strings.Join(params, ", ") + "]"
}

// underlying writes what a type is made of.
func (s *surface) underlying(named *types.Named) string {
	switch t := named.Underlying().(type) {
	case *types.Struct:
		return s.structType(t, types.Comparable(named))
	case *types.Interface:
		return s.interfaceType(t)
	default:
		return s.text(t)
	}
}

func (s *surface) structType(t *types.Struct, equal bool) string {
	var lines []string
	hidden := false
	for i := range t.NumFields() {
		f := t.Field(i)
		if !f.Exported() && !f.Embedded() {
			hidden = true
			continue
		}
		line := f.Name() + " " + s.text(f.Type())
		if f.Embedded() {
			line = s.text(f.Type())
		}
		if tag := t.Tag(i); tag != "" {
			line += " `" + tag + "`"
		}
		lines = append(lines, line)
	}
	switch {
	case hidden && equal:
		lines = append(lines, "unexported int")
	case hidden:
		lines = append(lines, "unexported func()")
	}
	return block("struct", lines)
}

func (s *surface) interfaceType(t *types.Interface) string {
	if !t.IsMethodSet() {
		return s.text(t)
	}
	var lines []string
	for m := range t.Methods() { // those of embedded interfaces, too
		if m.Exported() {
			lines = append(lines, m.Name()+s.signature(m.Signature()))
		} else {
			lines = append(lines, m.Name()+"()")
		}
	}
	slices.Sort(lines)
	return block("interface", lines)
}

func block(kind string, lines []string) string {
	if len(lines) == 0 {
		return kind + "{}"
	}
	return kind + " {\n\t" + strings.Join(lines, "\n\t") + "\n}"
}
