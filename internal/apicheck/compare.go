package main

import (
	"fmt"
	"go/types"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
)

// change is one difference between two surfaces.
type change struct {
	// name is what has changed, as the table of the changelog names it: op.Wait,
	// op.Context.InvocationContext.
	name, what string
	compatible bool
}

func (c change) String() string {
	kind := "incompatible"
	if c.compatible {
		kind = "compatible"
	}
	return fmt.Sprintf("%s: %s: %s", kind, c.name, c.what)
}

// compare lists what has changed from one surface to another.
func compare(before, now map[string]*types.Package) []change {
	var changes []change
	all := maps.Clone(before)
	maps.Copy(all, now)
	for _, p := range slices.Sorted(maps.Keys(all)) {
		short := strings.TrimPrefix(p, module+"/")
		switch {
		case before[p] == nil:
			changes = append(changes, change{short, "package added", true})
			continue
		case now[p] == nil:
			changes = append(changes, change{short, "package removed", false})
			continue
		}
		for _, c := range apidiff.Changes(before[p], now[p]).Changes {
			what, why, _ := strings.Cut(c.Message, ": ")
			changes = append(changes, change{path.Base(p) + "." + plain(what), why, c.Compatible})
		}
		changes = append(changes, unsealed(path.Base(p), before[p].Scope(), now[p].Scope())...)
	}
	var once []change // a method of T and of *T is the same to people
	for _, c := range changes {
		if !slices.Contains(once, c) {
			once = append(once, c)
		}
	}
	return once
}

// unsealed lists types that have lost an unexported method by which a sealed interface of their
// package accepts them. apidiff does not look at those.
func unsealed(pkg string, before, now *types.Scope) []change {
	var changes []change
	for _, name := range before.Names() {
		was, is := before.Lookup(name), now.Lookup(name)
		if _, typ := was.(*types.TypeName); !typ || !was.Exported() || is == nil {
			continue
		}
		for m := range types.NewMethodSet(withPointer(was.Type())).Methods() {
			found := m.Obj().Exported()
			for other := range types.NewMethodSet(withPointer(is.Type())).Methods() {
				found = found || other.Obj().Name() == m.Obj().Name()
			}
			if !found {
				changes = append(changes, change{pkg + "." + name, "no longer accepted where an interface demands " + m.Obj().Name(), false})
			}
		}
	}
	return changes
}

// withPointer is the type that has all methods of t.
func withPointer(t types.Type) types.Type {
	if types.IsInterface(t) {
		return t
	}
	return types.NewPointer(t)
}

var (
	receiver  = regexp.MustCompile(`^\(\*?([^)]*)\)`)
	arguments = regexp.MustCompile(`\[[^\]]*\]`)
)

// plain is a name of apidiff's as people write it: (*Future[T]).Await is Future.Await.
func plain(name string) string {
	return arguments.ReplaceAllString(receiver.ReplaceAllString(name, "$1"), "")
}

// unexplained are the changes that break code and that the migration table does not name.
func unexplained(changes []change, changelog string) []change {
	table := migration(changelog)
	return slices.DeleteFunc(slices.Clone(changes), func(c change) bool {
		return c.compatible || mentions(table, c.name)
	})
}

// migration returns the rows of the tables below the headings "### Migration" of a changelog.
func migration(changelog string) string {
	var rows strings.Builder
	within := false
	for line := range strings.Lines(changelog) {
		if strings.HasPrefix(line, "#") {
			within = strings.TrimSpace(line) == "### Migration"
		}
		if within && strings.HasPrefix(line, "|") {
			rows.WriteString(line)
		}
	}
	return rows.String()
}

// mentions reports whether a text names what has changed, or what it belongs to.
func mentions(text, name string) bool {
	for parts := strings.Split(name, "."); len(parts) > 1; parts = parts[:len(parts)-1] {
		found, err := regexp.MatchString(`\b`+regexp.QuoteMeta(strings.Join(parts, "."))+`\b`, text)
		if err == nil && found {
			return true
		}
	}
	found, err := regexp.MatchString("`"+regexp.QuoteMeta(name)+"`", text)
	return err == nil && found
}
