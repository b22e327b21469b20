package conformance

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
)

// Vars are the variables of one run: those of the requirement, and those that were bound to what
// was seen. Input, result, history, callbacks and logs share them.
type Vars struct {
	values map[string]any
	name   *regexp.Regexp // a text that is a variable and nothing else
	inside *regexp.Regexp // a variable in a text
	regex  *regexp.Regexp // a text that is a pattern
	random *regexp.Regexp // a value that is drawn
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

// longest is how many characters a random variable has at most.
const longest = 6 << 20

// NewVars makes the variables that a requirement declares. Random ones are drawn from seed.
func NewVars(declared Object, seed uint64) (*Vars, error) {
	random := rand.New(rand.NewPCG(seed, 0))
	v := &Vars{
		values: make(map[string]any, len(declared)),
		name:   regexp.MustCompile(`^\$\{([^{}\n]+)\}\n?$`),
		inside: regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`),
		regex:  regexp.MustCompile(`^\$\{/(.+)/\}\n?$`),
		random: regexp.MustCompile(`^\$\{GEN_STR:(\d+)\}\n?$`),
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		text := str(declared[name])
		drawn := v.random.FindStringSubmatch(text)
		if drawn == nil {
			v.values[name] = text
			continue
		}
		n, err := strconv.Atoi(drawn[1])
		if err != nil || n > longest {
			return nil, fmt.Errorf("conformance: variable %s: %q: want ${GEN_STR:N}, N at most %d", name, text, longest)
		}
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[random.IntN(len(letters))]
		}
		v.values[name] = string(b)
	}
	return v, nil
}

// Expand replaces the variables in a text that are bound. Others stay.
func (v *Vars) Expand(text string) string {
	return v.inside.ReplaceAllStringFunc(text, func(s string) string {
		if value, ok := v.values[s[2:len(s)-1]]; ok {
			return str(value)
		}
		return s
	})
}

func (v *Vars) expandObject(o Object) Object {
	expanded, _ := v.expandAll(map[string]any(o)).(map[string]any)
	return expanded
}

// expandAll replaces the variables in all texts of a value, but not in names of members.
func (v *Vars) expandAll(x any) any {
	switch x := x.(type) {
	case string:
		return v.Expand(x)
	case map[string]any:
		m := make(map[string]any, len(x))
		for k, e := range x {
			m[k] = v.expandAll(e)
		}
		return m
	case []any:
		l := make([]any, len(x))
		for i, e := range x {
			l[i] = v.expandAll(e)
		}
		return l
	}
	return x
}

// bind compares value with that of a variable, or makes it the variable's.
func (v *Vars) bind(name string, value any) bool {
	have, ok := v.values[name]
	if !ok {
		v.values[name] = value
		return true
	}
	return equal(have, value)
}
