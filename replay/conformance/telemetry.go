package conformance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Assertions are what a requirement demands of the spans that were exported.
type Assertions struct {
	spans       int
	invocations int
	correlated  bool
	single      bool
	parented    []map[string]any
	uniqueRoot  bool
	allowed     []any
	list        []assertion
	all         bool
	scope       []map[string]any
	prefixes    []string
	records     []map[string]any
}

// assertion is one about some spans.
type assertion struct {
	choose   map[string]any
	expect   map[string]any
	counts   []int
	byNumber map[int][]map[string]any // what is expected of each, by their count; 0: of any
}

// UnmarshalYAML implements [yaml.Unmarshaler]. A word that is not known is an error: it could be a
// demand.
func (a *Assertions) UnmarshalYAML(n *yaml.Node) error {
	n, err := withoutAliases(n)
	if err != nil {
		return err
	}
	x, err := valueOf(n)
	if err != nil {
		return err
	}
	m, ok := x.(map[string]any)
	if !ok {
		return fmt.Errorf("line %d: want a mapping of demands on spans, got %s", n.Line, show(x))
	}
	*a = Assertions{spans: 1, invocations: 1, correlated: true}
	for _, word := range sortedKeys(m) {
		if err := a.read(word, m[word]); err != nil {
			return fmt.Errorf("line %d: %s: %w", n.Line, word, err)
		}
	}
	return nil
}

func (a *Assertions) read(word string, x any) (err error) {
	switch word {
	case "minimum_spans":
		a.spans, err = countOf(x)
	case "minimum_invocations":
		a.invocations, err = countOf(x)
	case "require_execution_correlation":
		a.correlated, err = boolOf(x)
	case "require_single_trace_per_execution":
		a.single, err = boolOf(x)
	case "require_unique_root_per_trace":
		a.uniqueRoot, err = boolOf(x)
	case "require_all_spans":
		a.all, err = boolOf(x)
	case "require_parented_spans":
		a.parented, err = objectsOf(x)
	case "span_assertion_scope":
		a.scope, err = objectsOf(x)
	case "allowed_execution_arns":
		a.allowed, err = listOf(x)
	case "exact_attribute_prefixes":
		a.prefixes, err = textsOf(x)
	case "records":
		if a.records, err = objectsOf(x); err == nil {
			err = checkRecords(a.records)
		}
	case "span_assertions":
		a.list, err = assertionsOf(x)
	default:
		err = errors.New("the judge does not know the word")
	}
	return err
}

func countOf(x any) (int, error) {
	n, ok := rational(x)
	if _, isBool := x.(bool); !ok || isBool || !n.IsInt() || n.Sign() <= 0 || !n.Num().IsInt64() {
		return 0, fmt.Errorf("want a positive number, got %s", show(x))
	}
	return int(n.Num().Int64()), nil
}

func boolOf(x any) (bool, error) {
	b, ok := x.(bool)
	if !ok {
		return false, fmt.Errorf("want true or false, got %s", show(x))
	}
	return b, nil
}

func listOf(x any) ([]any, error) {
	l, ok := x.([]any)
	if !ok {
		return nil, fmt.Errorf("want a list, got %s", show(x))
	}
	return l, nil
}

func textsOf(x any) (texts []string, err error) {
	list, err := listOf(x)
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			return nil, fmt.Errorf("want texts, got %s", show(e))
		}
		texts = append(texts, s)
	}
	return texts, err
}

// objectsOf is a mapping, or a list of them.
func objectsOf(x any) (all []map[string]any, err error) {
	if m, ok := x.(map[string]any); ok {
		return []map[string]any{m}, nil
	}
	list, err := listOf(x)
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("want mappings, got %s", show(e))
		}
		all = append(all, m)
	}
	return all, err
}

func assertionsOf(x any) ([]assertion, error) {
	list, err := objectsOf(x)
	if err != nil {
		return nil, err
	}
	all := make([]assertion, len(list))
	for i, m := range list {
		if err := all[i].read(m); err != nil {
			return nil, fmt.Errorf("assertion %d: %w", i, err)
		}
	}
	return all, nil
}

func (a *assertion) read(m map[string]any) (err error) {
	a.counts = []int{1}
	for _, word := range sortedKeys(m) {
		switch word {
		case "select":
			a.choose, err = objectOf(m[word])
		case "expect":
			if a.expect, err = objectOf(m[word]); err == nil {
				err = checkWords(a.expect)
			}
		case "count":
			a.counts, err = countsOf(m[word])
		case "expect_by_occurrence":
			a.byNumber, err = occurrencesOf(m[word])
		default:
			err = errors.New("the judge does not know the word")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	if len(a.choose) == 0 || len(a.expect) == 0 {
		return errors.New("want select and expect")
	}
	return nil
}

func objectOf(x any) (map[string]any, error) {
	m, ok := x.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("want a mapping, got %s", show(x))
	}
	return m, nil
}

func countsOf(x any) (counts []int, err error) {
	list := []any{x}
	if m, ok := x.(map[string]any); ok {
		if list, ok = m["$any_of"].([]any); !ok || len(m) != 1 {
			return nil, fmt.Errorf("want a number or {$any_of: [...]}, got %s", show(x))
		}
	}
	for _, e := range list {
		n, err := countOf(e)
		if err != nil {
			return nil, err
		}
		counts = append(counts, n)
	}
	return counts, nil
}

func occurrencesOf(x any) (map[int][]map[string]any, error) {
	m, ok := x.(map[string]any)
	if !ok {
		list, err := objectsOf(x)
		return map[int][]map[string]any{0: list}, errors.Join(err, checkAll(list))
	}
	all := make(map[int][]map[string]any)
	for _, key := range sortedKeys(m) {
		var n int
		if _, err := fmt.Sscanf(key, "%d", &n); err != nil || n < 1 {
			return nil, fmt.Errorf("want counts as keys, got %q", key)
		}
		list, err := objectsOf(m[key])
		if err := errors.Join(err, checkAll(list)); err != nil {
			return nil, err
		}
		all[n] = list
	}
	return all, nil
}

func checkAll(list []map[string]any) error {
	for _, m := range list {
		if err := checkWords(m); err != nil {
			return err
		}
	}
	return nil
}

// flagsOf are the words that a relation of a span to others knows; nil for what is none.
func flagsOf(word string) []string {
	switch word {
	case "parent":
		return []string{"$allow_outside", "$allow_unresolved", "$reject_sdk_span", "$any_of", "$not", "$millisecond_precision"}
	case "before", "after", "inside":
		return []string{"$linked", "$millisecond_precision"}
	case "same_trace_as":
		return []string{"$linked"}
	case "links":
		return []string{"$occurrence"}
	}
	return nil
}

// checkWords refuses words of an expectation that are not known, and flags that are not true.
func checkWords(expect map[string]any) error {
	for _, word := range sortedKeys(expect) {
		known := flagsOf(word)
		if known == nil {
			if _, property := (&Span{}).sealed("", "").fields[word]; !property {
				return fmt.Errorf("%s: the judge does not know the word", word)
			}
			continue
		}
		list, ok := expect[word].([]any)
		if !ok {
			list = []any{expect[word]}
		}
		for _, x := range list {
			m, err := objectOf(x)
			if err != nil {
				return fmt.Errorf("%s: %w", word, err)
			}
			if err := checkFlags(m, known); err != nil {
				return fmt.Errorf("%s: %w", word, err)
			}
		}
	}
	return nil
}

func checkFlags(m map[string]any, known []string) error {
	for _, flag := range sortedKeys(m) {
		switch {
		case !strings.HasPrefix(flag, "$"):
		case !slices.Contains(known, flag):
			return fmt.Errorf("%s: the judge does not know the word", flag)
		case flag == "$any_of", flag == "$not", flag == "$occurrence":
		case m[flag] != true:
			return fmt.Errorf("%s: want true, got %s", flag, show(m[flag]))
		}
	}
	return nil
}

// without returns a selector without its flags.
func without(m map[string]any) map[string]any {
	m = maps.Clone(m)
	maps.DeleteFunc(m, func(k string, _ any) bool { return strings.HasPrefix(k, "$") })
	return m
}
