package demo

import (
	"fmt"
	"strings"
	"time"
)

// Brief prints a line for each body that runs and says something, and none for what waits: for
// executions of hundreds of invocations. Of bodies of one name that run in a row in one invocation
// the first ones have lines, up to most; those that follow are counted.
func (d *Demo) Brief(most int) { d.p.brief = &brief{most: most} }

// brief is what the printer remembers from line to line when it is brief.
type brief struct {
	most int
	head string // what the next line begins with: the invocation
	last string // what the lines before were about
	rows int    // how many these are
}

// invocation is the head of the next line.
func (b *brief) invocation(n, replayed int) {
	b.head, b.last, b.rows = fmt.Sprintf("#%d", n), "", 0
	if replayed > 0 {
		b.head = fmt.Sprintf("#%d, %d replayed", n, replayed)
	}
}

// printBrief prints a line, or counts it.
func (p *printer) printBrief(what, path, detail string) {
	b := p.brief
	if what == "ran" && detail == "" {
		return
	}
	name := path[strings.LastIndex(path, "/")+1:]
	about, _, _ := strings.Cut(what+" "+name, "[")
	if about != b.last || path == "" {
		p.folded()
		b.last, b.rows = about, 0
	}
	if b.rows++; b.rows > b.most {
		return
	}
	p.row(what, name, detail)
}

// folded prints how many lines were left out.
func (p *printer) folded() {
	b := p.brief
	if b == nil || b.rows <= b.most {
		return
	}
	what, name, _ := strings.Cut(b.last, " ")
	if left := b.rows - b.most; b.most > 0 {
		p.row("", name, fmt.Sprintf("and %d more", left))
	} else {
		p.row(what, name, fmt.Sprintf("%d times", left))
	}
	b.rows = 0
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
