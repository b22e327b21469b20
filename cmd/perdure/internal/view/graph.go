package view

import (
	"fmt"
	"math"
	"strings"

	"github.com/perdure/perdure/checkpoint"
)

// edge leads from a node to one that began after it had ended. Into says that the first one is a
// group, and the other one the first in it.
type edge struct {
	from, to string
	into     bool
}

// graph is an execution as nodes and edges.
type graph struct {
	nodes []graphNode
	edges []edge
}

type graphNode struct {
	id, label, status string
	group             bool
}

// graphOf returns the operations as a graph, folded unless whole. What a log says is which
// operation had ended when another one began, not which one the code waited for: edges are those
// of that order, without those that follow from others.
func (h *History) graphOf(whole bool) *graph {
	g := &graph{}
	g.scope("", h.Operations, whole)
	return g
}

// scope adds the operations of one scope.
func (g *graph) scope(parent string, ops []*Operation, whole bool) {
	type placed struct {
		id          string
		first, last int
	}
	var before []placed
	for _, line := range Fold(ops, whole) {
		n, p := graphNode{id: fmt.Sprintf("n%d", len(g.nodes)+1)}, placed{last: math.MaxInt}
		p.id = n.id
		if o := line.Operation; o != nil {
			n.label, n.status, n.group = o.Label()+"\n"+o.What()+", "+o.Shown(), o.Shown(), o.Kind == "group"
			p.first = o.First
			if o.Status.Terminal() {
				p.last = o.ended
			}
		} else {
			n.label, n.status = line.Text(), "FOLDED"
			p.first, p.last = line.Left[0].First, 0
			for _, o := range line.Left {
				if p.last = max(p.last, o.ended); !o.Status.Terminal() {
					p.last = math.MaxInt
				}
			}
		}
		g.nodes = append(g.nodes, n)
		latest, found := -1, false
		for _, b := range before {
			if b.last <= p.first {
				latest = max(latest, b.first)
			}
		}
		for _, b := range before {
			if b.last <= p.first && b.last > latest { // nothing lies between
				g.edges = append(g.edges, edge{from: b.id, to: p.id})
				found = true
			}
		}
		if !found && parent != "" {
			g.edges = append(g.edges, edge{parent, p.id, true})
		}
		before = append(before, p)
		if line.Operation != nil {
			g.scope(p.id, line.Operation.Children, whole)
		}
	}
}

// colors returns those of a node by the status of its operation: its inside, and its border.
func colors(status string) (inside, border string) {
	switch status {
	case CutOff:
		return "#fde7e7", "#b3261e"
	case Left:
		return "#eeeeee", "#616161"
	}
	switch checkpoint.Status(status) {
	case checkpoint.StatusSucceeded:
		return "#e3f4e6", "#2e7d32"
	case checkpoint.StatusFailed, checkpoint.StatusTimedOut, checkpoint.StatusStopped:
		return "#fde7e7", "#b3261e"
	case checkpoint.StatusCancelled:
		return "#eeeeee", "#616161"
	case checkpoint.StatusStarted:
		return "#e3edfb", "#1a56a8"
	case checkpoint.StatusPending, checkpoint.StatusReady:
		return "#fff3d6", "#8a5a00"
	}
	return "#ffffff", "#616161"
}

// Mermaid returns the operations as a flowchart of Mermaid.
func (h *History) Mermaid(whole bool) string {
	g := h.graphOf(whole)
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	used := make(map[string][]string)
	var order []string
	for _, n := range g.nodes {
		open, shut := "[", "]"
		if n.group {
			open, shut = "[[", "]]"
		}
		fmt.Fprintf(&b, "  %s%s\"%s\"%s\n", n.id, open, mermaidText(n.label), shut)
		if used[n.status] == nil {
			order = append(order, n.status)
		}
		used[n.status] = append(used[n.status], n.id)
	}
	for _, e := range g.edges {
		arrow := "-->"
		if e.into {
			arrow = "-.->"
		}
		fmt.Fprintf(&b, "  %s %s %s\n", e.from, arrow, e.to)
	}
	for _, status := range order {
		inside, border := colors(status)
		class := strings.ReplaceAll(status, " ", "_")
		fmt.Fprintf(&b, "  classDef %s fill:%s,stroke:%s,color:#1b1b1b\n", class, inside, border)
		fmt.Fprintf(&b, "  class %s %s\n", strings.Join(used[status], ","), class)
	}
	return b.String()
}

// mermaidText has every character of a label stand for itself.
func mermaidText(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString("<br/>")
		case r < ' ':
			b.WriteByte(' ')
		case strings.ContainsRune(`"#&<>;\`+"`", r):
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// DOT returns the operations as a graph of Graphviz.
func (h *History) DOT(whole bool) string {
	g := h.graphOf(whole)
	var b strings.Builder
	b.WriteString("digraph execution {\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n")
	for _, n := range g.nodes {
		shape := ""
		if n.group {
			shape = ", shape=folder, style=filled"
		}
		inside, border := colors(n.status)
		fmt.Fprintf(&b, "  %s [label=%s%s, fillcolor=\"%s\", color=\"%s\"];\n", n.id, dotText(n.label), shape, inside, border)
	}
	for _, e := range g.edges {
		style := ""
		if e.into {
			style = " [style=dashed]"
		}
		fmt.Fprintf(&b, "  %s -> %s%s;\n", e.from, e.to, style)
	}
	b.WriteString("}\n")
	return b.String()
}

// dotText quotes a label.
func dotText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", " ").Replace(text) + `"`
}
