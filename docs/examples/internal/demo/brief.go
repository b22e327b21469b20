package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Brief prints a line for each body that runs and says something, and none for what waits: for
// executions of hundreds of invocations. Of bodies of one name that run in a row in one invocation
// the first ones have lines, up to most; those that follow are counted. Zero counts all bodies, in
// a row or not.
func (d *Demo) Brief(most int) { d.p.brief = &brief{most: most, counts: make(map[string]int)} }

// brief is what the printer remembers from line to line when it is brief.
type brief struct {
	most int
	head string // what the next line begins with: the invocation
	lost bool   // what still runs is of a process that is gone

	// counts is how many bodies have run that have no line yet, by what they are called: names are
	// those, in the order in which they were seen. rows is how many lines the last one has.
	counts map[string]int
	names  []string
	rows   int
}

// invocation is the head of the next line.
func (b *brief) invocation(n, replayed int) {
	b.lost = false
	b.head = fmt.Sprintf("#%d", n)
	if replayed > 0 {
		b.head = fmt.Sprintf("#%d, %d replayed", n, replayed)
	}
}

// printBrief prints a line, or counts it.
func (p *printer) printBrief(what, path, detail string) {
	b := p.brief
	name := path[strings.LastIndex(path, "/")+1:]
	if what != "ran" && what != "failed" {
		p.folded()
		p.row(what, name, detail)
		b.lost = b.lost || what == "CRASH"
		return
	}
	if b.lost || what == "ran" && detail == "" && b.most > 0 {
		return
	}
	called, _, _ := strings.Cut(what+" "+name, "[")
	if b.most > 0 && (len(b.names) == 0 || b.names[0] != called) {
		p.folded()
	}
	if !slices.Contains(b.names, called) {
		b.names = append(b.names, called)
	}
	if b.rows++; b.rows <= b.most {
		p.row(what, name, detail)
		return
	}
	b.counts[called]++
}

// folded prints how many lines were left out.
func (p *printer) folded() {
	b := p.brief
	if b == nil {
		return
	}
	for _, called := range b.names {
		what, name, _ := strings.Cut(called, " ")
		switch n := b.counts[called]; {
		case n > 0 && b.most > 0:
			p.row("", name, fmt.Sprintf("and %d more", n))
		case n > 0:
			p.row(what, name, count(n, "time"))
		}
	}
	clear(b.counts)
	b.names, b.rows = nil, 0
}

// row prints a line.
func (p *printer) row(what, name, detail string) {
	at := ""
	if now := p.now().Truncate(time.Second); !now.Equal(p.printed) {
		p.printed, at = now, now.Format(time.DateTime)
	}
	if name != "" {
		name = fmt.Sprintf("%-20s  ", name)
	}
	line := fmt.Sprintf("%-19s  %-18s  %-8s  %s%s", at, p.brief.head, what, name, detail)
	p.brief.head = ""
	fmt.Fprintln(p.w, strings.TrimRight(line, " "))
}
