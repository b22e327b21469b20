package main

import (
	"fmt"
	"strings"
)

// labels are what the program calls operations, by ID: the path without what a name repeats. An
// item of the map is ship[SKU], the step in it ship[SKU]/pack-item, and what waits for the manager
// has the name of the wait in its own.
type labels map[string]string

// add names an operation, whose parent was added before.
func (l labels) add(id, parent, name, subType string) {
	around, inside := l[parent]
	switch {
	case !inside || strings.HasPrefix(name, around+"-"):
		l[id] = name
	case subType == "MapIteration":
		l[id] = itemLabel(around, name)
	default:
		l[id] = around + "/" + name
	}
}

func itemLabel(batch, key string) string { return batch + "[" + key + "]" }

// ofPath is the label of an operation that the engine gives the path of.
func ofPath(path string) string {
	around, name, inside := strings.Cut(path, "/")
	if inside && strings.HasPrefix(name, around+"-") {
		return name
	}
	return path
}

// operations returns the labels that operations of an order have, in the order of the handler.
func operations(o Order) []string {
	names := []string{reserveStock}
	if o.Total() > approvalLimit {
		names = append(names, managerApproval, managerApproval+"-callback", managerApproval+"-submitter")
	}
	names = append(names, chargeCard, releaseStock, shipItems)
	for _, i := range o.Items {
		item := itemLabel(shipItems, i.SKU)
		names = append(names, item, item+"/"+packItem)
	}
	return append(names, coolOffWait)
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
