package conformance

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// match compares what was seen with what was expected and returns a sentence for each difference.
// A key that is expected must be there, whatever is expected of its value. The rules, the first
// that applies:
//
//  1. {} takes any value.
//  2. "*" takes any value.
//  3. "${/pattern/}" is searched for in the value as a text (package regexp has the syntax; a
//     pattern may also look ahead and behind).
//  4. "${NAME}" binds the variable, or compares with it if it is bound.
//  5. Of an object the expected keys are compared, of a list all elements; lists have one length.
//  6. Otherwise the values must be equal, once the variables inside texts are replaced.
//
// Values are equal if Python says so: 1 is 1.0 and true, and neither is "1".
func (v *Vars) match(at string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		if len(want) == 0 {
			return nil
		}
		if got, ok := got.(map[string]any); ok {
			return v.matchObject(at, want, got)
		}
	case string:
		return v.matchText(at, want, got)
	case []any:
		if got, ok := got.([]any); ok && len(got) == len(want) {
			return v.matchList(at, want, got)
		}
	}
	return difference(at, equal(want, got), want, got)
}

func (v *Vars) matchObject(at string, want, got map[string]any) []string {
	var problems []string
	for _, key := range sortedKeys(want) {
		value, ok := got[key]
		if !ok {
			problems = append(problems, fmt.Sprintf("%s: the key %s is missing", at, key))
			continue
		}
		problems = append(problems, v.match(at+"."+key, want[key], value)...)
	}
	return problems
}

func (v *Vars) matchList(at string, want, got []any) []string {
	var problems []string
	for i := range want {
		problems = append(problems, v.match(at+"["+strconv.Itoa(i)+"]", want[i], got[i])...)
	}
	return problems
}

func (v *Vars) matchText(at, want string, got any) []string {
	if want == "*" {
		return nil
	}
	if pattern := v.regex.FindStringSubmatch(want); pattern != nil {
		found, err := search(pattern[1], got)
		if err != nil {
			return []string{at + ": " + err.Error()}
		}
		return difference(at, found, want, got)
	}
	if name := v.name.FindStringSubmatch(want); name != nil {
		ok := v.bind(name[1], got)
		return difference(at, ok, v.values[name[1]], got)
	}
	want = v.Expand(want)
	return difference(at, equal(want, got), want, got)
}

// search looks for a pattern in a value as a text. Patterns that look ahead or behind, which
// package regexp does not have, are searched for by a matcher that goes back and forth, for a
// second at most.
func search(pattern string, value any) (bool, error) {
	if re, err := regexp.Compile(pattern); err == nil {
		return re.MatchString(str(value)), nil
	}
	re, err := regexp2.Compile(pattern, regexp2.None)
	if err != nil {
		return false, fmt.Errorf("the requirement's pattern: %w", err)
	}
	re.MatchTimeout = time.Second
	found, err := re.MatchString(str(value))
	if err != nil {
		return false, fmt.Errorf("the requirement's pattern: %w", err)
	}
	return found, nil
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func difference(at string, same bool, want, got any) []string {
	if same {
		return nil
	}
	return []string{fmt.Sprintf("%s: want %s, got %s", at, show(want), show(got))}
}

// show is a value for people.
func show(x any) string {
	if o, ok := x.(Object); ok {
		x = map[string]any(o)
	}
	text := repr(x)
	if s, ok := x.(string); ok {
		text = strconv.Quote(s)
	}
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}
