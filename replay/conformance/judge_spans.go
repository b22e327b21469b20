package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/perdure/perdure/replay/conformance/handlers"
)

// Spans compares the spans that were exported with the demands of a requirement on an execution and
// returns a sentence for each that is not met.
//
// Assertions are about the spans of the execution's trace, duplicates included. They are judged in
// their order, and a span that one was about is not seen by those that follow.
func (v *Vars) Spans(a *Assertions, arn string, spans []*Span) []string {
	if a == nil || a.records != nil {
		return nil
	}
	v.values["EXECUTION_ARN"], v.values["SERVICE_NAME"] = arn, handlers.ServiceName
	allowed := []string{arn}
	for _, x := range a.allowed {
		allowed = append(allowed, str(v.expandAll(x)))
	}
	j := &spanJudge{v: v, all: traceOf(spans, arn, allowed), taken: make(map[*Span]bool)}
	j.whole(a, allowed)
	for i := range a.list {
		j.assert(i, &a.list[i], a.prefixes)
	}
	if a.all {
		j.covered(a.scope)
	}
	return j.problems
}

// spanJudge judges the spans of one trace.
type spanJudge struct {
	v        *Vars
	all      []*Span
	taken    map[*Span]bool
	problems []string
}

func (j *spanJudge) say(format string, args ...any) {
	j.problems = append(j.problems, fmt.Sprintf(format, args...))
}

// whole judges what is demanded of all spans together.
func (j *spanJudge) whole(a *Assertions, allowed []string) {
	if len(j.all) < a.spans {
		j.say("%d spans, want at least %d", len(j.all), a.spans)
	}
	invocations, traces := 0, make(map[string]map[string]bool)
	roots := make(map[string]map[string]bool)
	for _, s := range j.all {
		if strings.EqualFold(s.Name, "invocation") && s.has("durable.invocation.first") {
			invocations++
		}
		if arn := s.arn(); arn != "" {
			add(traces, arn, s.Trace)
			if a.correlated && !slices.Contains(allowed, arn) {
				j.say("span %s is of the execution %s, which has no part in this one", s.Name, arn)
			}
		}
		if s.Start > s.End {
			j.say("span %s ends before it starts", s.Name)
		}
		if s.Parent == "" {
			add(roots, s.Trace, s.ID)
		}
		for _, sel := range a.parented {
			if s.Parent == "" && j.is(sel, s) {
				j.say("span %s has no parent", s.Name)
			}
		}
	}
	if a.invocations > 1 && invocations < a.invocations {
		j.say("%d spans of invocations, want at least %d", invocations, a.invocations)
	}
	if a.correlated && traces[allowed[0]] == nil {
		j.say("no span has the ARN %s", allowed[0])
	}
	for _, arn := range slices.Sorted(maps.Keys(traces)) {
		if a.single && len(traces[arn]) > 1 {
			j.say("%s has spans in %d traces", arn, len(traces[arn]))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(roots)) {
		if a.uniqueRoot && len(roots[id]) > 1 {
			j.say("trace %s has %d roots", id, len(roots[id]))
		}
	}
}

func add(m map[string]map[string]bool, key, value string) {
	if m[key] == nil {
		m[key] = make(map[string]bool)
	}
	m[key][value] = true
}

// is reports whether a span matches a selector.
func (j *spanJudge) is(sel map[string]any, s *Span) bool { return j.like(without(sel), s.fields) }

// like compares what is wanted with a value, in part.
func (j *spanJudge) like(want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		if list, ok := want["$any_of"].([]any); ok && len(want) == 1 {
			return slices.ContainsFunc(list, func(x any) bool { return j.like(x, got) })
		}
		m, ok := got.(map[string]any)
		if !ok {
			return false
		}
		for k, x := range want {
			y, there := m[k]
			if !there || !j.like(x, y) {
				return false
			}
		}
		return true
	case []any:
		l, ok := got.([]any)
		if !ok || len(l) != len(want) {
			return false
		}
		for i := range want {
			if !j.like(want[i], l[i]) {
				return false
			}
		}
		return true
	case string:
		if want == "*" {
			return true
		}
		if p := j.v.regex.FindStringSubmatch(want); p != nil {
			found, err := search(p[1], got)
			return err == nil && found
		}
		return equal(j.v.Expand(want), got)
	}
	return equal(want, got)
}

// assert judges one assertion.
func (j *spanJudge) assert(n int, a *assertion, prefixes []string) {
	var chosen []*Span
	for _, s := range j.all {
		if !j.taken[s] && j.is(a.choose, s) {
			chosen = append(chosen, s)
		}
	}
	at := fmt.Sprintf("assertion %d (%s)", n, show(j.v.expandAll(a.choose["name"])))
	if !slices.Contains(a.counts, len(chosen)) {
		j.say("%s: %d spans match %s, want %v", at, len(chosen), show(j.v.expandAll(a.choose)), a.counts)
		return
	}
	slices.SortFunc(chosen, byTime)
	each := a.byNumber[0]
	if list, ok := a.byNumber[len(chosen)]; ok {
		each = list
	}
	if a.byNumber != nil && len(each) != len(chosen) {
		j.say("%s: %d spans, and %d expectations of each", at, len(chosen), len(each))
		return
	}
	for i, s := range chosen {
		j.taken[s] = true
		expect := maps.Clone(a.expect)
		if a.byNumber != nil {
			maps.Copy(expect, each[i])
		}
		for _, p := range j.compare(expect, s, prefixes) {
			j.say("%s, span %d: %s", at, i, p)
		}
	}
}

// compare says how a span differs from what is expected.
func (j *spanJudge) compare(expect map[string]any, s *Span, prefixes []string) (problems []string) {
	for _, word := range sortedKeys(expect) {
		want := expect[word]
		switch word {
		case "parent":
			m, _ := want.(map[string]any)
			problems = append(problems, j.parent(m, s)...)
		case "links":
			l, _ := want.([]any)
			problems = append(problems, j.links(l, s)...)
		case "before", "after", "inside", "same_trace_as":
			m, _ := want.(map[string]any)
			problems = append(problems, j.relation(word, m, s)...)
		default:
			if got, ok := s.fields[word]; !ok || !j.like(want, got) {
				problems = append(problems, fmt.Sprintf("%s: want %s, got %s", word, show(j.v.expandAll(want)), show(got)))
			}
		}
	}
	if wanted, ok := expect["attributes"].(map[string]any); ok {
		for _, k := range sortedKeys(s.Attributes) {
			if _, listed := wanted[k]; !listed && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(k, p) }) {
				problems = append(problems, fmt.Sprintf("the attribute %s = %s is not expected", k, show(s.Attributes[k])))
			}
		}
	}
	return problems
}

// parent judges the parent of a span.
func (j *spanJudge) parent(want map[string]any, s *Span) []string {
	if list, ok := want["$any_of"].([]any); ok {
		var all []string
		for _, x := range list {
			m, _ := x.(map[string]any)
			problems := j.parent(m, s)
			if len(problems) == 0 {
				return nil
			}
			all = append(all, problems...)
		}
		return all
	}
	if s.Parent == "" {
		return []string{"it has no parent"}
	}
	found := j.find(s.Trace, s.Parent)
	if len(found) == 0 {
		if want["$allow_unresolved"] == true {
			return nil
		}
		return []string{"its parent was not exported"}
	}
	p := found[0]
	not, _ := want["$not"].(map[string]any)
	switch {
	case !slices.ContainsFunc(found, func(p *Span) bool { return j.is(want, p) }):
		return []string{fmt.Sprintf("its parent is %s %s, want %s", p.Name, show(p.Attributes), show(j.v.expandAll(without(want))))}
	case not != nil && j.is(not, p):
		return []string{"its parent is " + p.Name + ", which it must not be"}
	case j.below(p, s):
		return []string{"it is above its own parent"}
	case want["$reject_sdk_span"] == true && p.ofSDK():
		return []string{"its parent is " + p.Name + ", which the SDK has made"}
	case want["$allow_outside"] != true && !p.synthetic() && !contains(p, s, want):
		return []string{fmt.Sprintf("it is not within its parent %s: %d to %d, and %d to %d", p.Name, s.Start, s.End, p.Start, p.End)}
	}
	return nil
}

func contains(outer, inner *Span, flags map[string]any) bool {
	slack := slackOf(flags)
	return outer.Start <= inner.Start+slack && inner.End <= outer.End+slack
}

func slackOf(flags map[string]any) int64 {
	if flags["$millisecond_precision"] == true {
		return 1000
	}
	return 0
}

// below reports whether p hangs below s.
func (j *spanJudge) below(p, s *Span) bool {
	for range j.all {
		if p.ID == s.ID {
			return true
		}
		up := j.find(p.Trace, p.Parent)
		if len(up) == 0 {
			return false
		}
		p = up[0]
	}
	return false
}

func (j *spanJudge) find(trace, id string) (found []*Span) {
	for _, s := range j.all {
		if id != "" && s.Trace == trace && s.ID == id {
			found = append(found, s)
		}
	}
	return found
}

// links judges what a span is linked to.
func (j *spanJudge) links(want []any, s *Span) (problems []string) {
	if len(want) != len(s.Links) {
		return []string{fmt.Sprintf("it has %d links, want %d", len(s.Links), len(want))}
	}
	for i, x := range want {
		m, _ := x.(map[string]any)
		found := j.find(s.Links[i].Trace, s.Links[i].ID)
		matching := slices.DeleteFunc(slices.Clone(found), func(t *Span) bool { return !j.is(m, t) })
		switch {
		case len(found) == 0:
			problems = append(problems, fmt.Sprintf("link %d leads to no span", i))
		case len(matching) != 1:
			problems = append(problems, fmt.Sprintf("link %d leads to %d spans that match %s, want one", i, len(matching), show(j.v.expandAll(without(m)))))
		default:
			if n, err := countOf(m["$occurrence"]); err == nil && j.occurrence(m, matching[0]) != n {
				problems = append(problems, fmt.Sprintf("link %d leads to span %d of those like it, want %d", i, j.occurrence(m, matching[0]), n))
			}
		}
	}
	return problems
}

// occurrence is the number of a span, from 1, among those that match a selector, by time.
func (j *spanJudge) occurrence(sel map[string]any, s *Span) int {
	var like []*Span
	for _, t := range j.all {
		if j.is(sel, t) {
			like = append(like, t)
		}
	}
	slices.SortFunc(like, byTime)
	like = slices.CompactFunc(like, func(a, b *Span) bool { return a.ID == b.ID && a.Trace == b.Trace })
	return slices.IndexFunc(like, func(t *Span) bool { return t.ID == s.ID && t.Trace == s.Trace }) + 1
}

// relation judges a relation in time.
func (j *spanJudge) relation(word string, want map[string]any, s *Span) []string {
	var like []*Span
	for _, t := range j.all {
		linked := slices.Contains(s.Links, Link{t.Trace, t.ID})
		if t != s && j.is(want, t) && (want["$linked"] != true || linked) {
			like = append(like, t)
		}
	}
	if len(like) != 1 {
		return []string{fmt.Sprintf("%s: %d spans match %s, want one", word, len(like), show(j.v.expandAll(without(want))))}
	}
	x, slack := like[0], slackOf(want)
	ok := false
	switch word {
	case "before":
		ok = s.End <= x.Start+slack
	case "after":
		ok = s.Start+slack >= x.End
	case "inside":
		ok = contains(x, s, want)
	case "same_trace_as":
		ok = s.Trace == x.Trace
	}
	if !ok {
		return []string{fmt.Sprintf("it is not %s %s: %d to %d, and %d to %d", word, x.Name, s.Start, s.End, x.Start, x.End)}
	}
	return nil
}

// covered judges that each span was expected.
func (j *spanJudge) covered(scope []map[string]any) {
	for _, s := range j.all {
		in := len(scope) == 0 || slices.ContainsFunc(scope, func(sel map[string]any) bool { return j.is(sel, s) })
		if in && !j.taken[s] {
			j.say("span %s %s is not expected", s.Name, show(s.Attributes))
		}
	}
}
