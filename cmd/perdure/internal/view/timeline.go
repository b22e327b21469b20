package view

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/perdure/perdure/checkpoint"
)

// What is drawn for the bars of a timeline.
const (
	drawnAttempt  = '█'
	drawnFailed   = '×'
	drawnCut      = '!'
	drawnBackoff  = '·'
	drawnWait     = '░'
	drawnCallback = '▒'
	drawnInvoke   = '▓'
	drawnGroup    = '─'
	drawnGoing    = '►'
)

// legend says what is drawn for what.
const legend = "█ body  × failed  ! cut off  · backoff  ░ wait  ▒ callback  ▓ other function  ─ group  ► goes on"

// leastBars is how many columns the bars have at least, mostNames the names at most.
const (
	leastBars = 24
	mostNames = 40
)

// Timeline returns the timeline of an execution as lines of that many columns: a row for the
// invocations, one for each operation, and one that counts the bodies that run at once. Without
// whole it leaves out operations as [Fold] does. The times are those of the log: a body that ended
// before its START was sent is as short there.
func (h *History) Timeline(now time.Time, columns int, whole bool) []string {
	rows := Rows(h.Operations, whole)
	levels, most := h.Concurrency(now)
	width := utf8.RuneCountInString("bodies at once")
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r.Branches+r.name()))
	}
	width = min(width, mostNames)
	from, to := h.Span(now)
	s := scale{from: from, to: to, columns: max(leastBars, columns-width-2)}
	lines := []string{s.title()}
	line := func(name string, drawn []rune) {
		lines = append(lines, strings.TrimRight(pad(name, width)+"  "+string(drawn), " "))
	}
	line("", s.axis())
	if len(h.Ended) > 0 {
		line("invocations", s.invocations(h.Ended))
	}
	for _, r := range rows {
		line(r.Branches+r.name(), s.row(r.Line))
	}
	if most > 1 {
		line("bodies at once", s.levels(levels))
		lines = append(lines, "at most "+Plural(most, "body", "bodies")+" at once")
	}
	return append(lines, legend)
}

func (r Row) name() string {
	if r.Operation == nil {
		return r.Text()
	}
	return r.Operation.Label()
}

// pad makes a text that many columns wide.
func pad(text string, columns int) string {
	n := utf8.RuneCountInString(text)
	if n > columns {
		return string([]rune(text)[:columns-1]) + "…"
	}
	return text + strings.Repeat(" ", columns-n)
}

// scale maps times to columns.
type scale struct {
	from, to time.Time
	columns  int
}

func (s *scale) title() string {
	const layout = "2006-01-02 15:04:05Z"
	each := s.to.Sub(s.from) / time.Duration(s.columns)
	return fmt.Sprintf("from %s to %s, a column is %s",
		s.from.UTC().Format(layout), s.to.UTC().Format(layout), Span(max(each, time.Millisecond)))
}

// at returns the column of a time.
func (s *scale) at(t time.Time) int {
	all := s.to.Sub(s.from)
	if all <= 0 {
		return 0
	}
	return min(s.columns-1, max(0, int(float64(t.Sub(s.from))/float64(all)*float64(s.columns))))
}

func (s *scale) blank() []rune { return []rune(strings.Repeat(" ", s.columns)) }

// axis returns how long after the start the columns are.
func (s *scale) axis() []rune {
	drawn := s.blank()
	marks := 4
	if !s.to.After(s.from) {
		marks = 1
	}
	for i := range marks {
		text := []rune("|" + Span(s.to.Sub(s.from)*time.Duration(i)/time.Duration(marks)))
		if i == 0 {
			text = []rune("|0")
		}
		copy(drawn[s.columns*i/marks:], text)
	}
	return drawn
}

// row returns the bars of a line of the tree.
func (s *scale) row(l Line) []rune {
	drawn := s.blank()
	if l.Operation == nil {
		for _, o := range l.Left {
			s.bars(drawn, o)
		}
		return drawn
	}
	s.bars(drawn, l.Operation)
	return drawn
}

// bars draws what an operation did. A bar that is shorter than a column takes one; what says more
// is drawn over what says less.
func (s *scale) bars(drawn []rune, o *Operation) {
	for i := range o.Bars {
		b := &o.Bars[i]
		end := b.End
		if b.Going() {
			end = s.to
		}
		first, last := s.at(b.Start), s.at(end)
		for c := first; c <= last; c++ {
			if c == last && c > first && !b.Going() && (i+1 < len(o.Bars) || b.Kind != BarAttempt) {
				break // the column belongs to what follows
			}
			drawn[c] = over(drawn[c], b.char())
		}
		switch {
		case b.Going():
			drawn[last] = drawnGoing
		case b.Cut:
			drawn[last] = drawnCut
		case b.Failure != nil:
			drawn[last] = over(drawn[last], drawnFailed)
		}
	}
	if len(o.Bars) == 0 && o.Status != checkpoint.StatusStarted {
		drawn[s.at(o.Start)] = over(drawn[s.at(o.Start)], drawnGroup)
	}
}

// over returns which of two things is seen where both are.
func over(before, now rune) rune {
	const order = " ─·░▒▓█►×!"
	if strings.IndexRune(order, before) > strings.IndexRune(order, now) {
		return before
	}
	return now
}

func (b *Bar) char() rune {
	switch b.Kind {
	case BarAttempt:
		return drawnAttempt
	case BarBackoff:
		return drawnBackoff
	case BarWait:
		return drawnWait
	case BarCallback:
		return drawnCallback
	case BarInvoke:
		return drawnInvoke
	case BarGroup:
	}
	return drawnGroup
}

// invocations returns when invocations ran, and which failed.
func (s *scale) invocations(all []Invocation) []rune {
	drawn := s.blank()
	for i := range all {
		for c := s.at(all[i].Start); c <= s.at(all[i].End); c++ {
			drawn[c] = over(drawn[c], drawnAttempt)
		}
		if all[i].Failure != nil {
			drawn[s.at(all[i].End)] = drawnFailed
		}
	}
	return drawn
}

// levels returns the most bodies that ran at once in each column.
func (s *scale) levels(levels []Level) []rune {
	most := make([]int, s.columns)
	for i, l := range levels {
		last := s.at(l.At)
		if i+1 < len(levels) && l.Bodies > 0 {
			last = s.at(levels[i+1].At)
		}
		for c := s.at(l.At); c <= last; c++ {
			most[c] = max(most[c], l.Bodies)
		}
	}
	drawn := s.blank()
	for c, n := range most {
		switch {
		case n > 9:
			drawn[c] = '+'
		case n > 0:
			drawn[c] = rune('0' + n)
		}
	}
	return drawn
}
