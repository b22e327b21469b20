package replay_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// treeValue is what an operation of a tree results in.
type treeValue struct {
	// Node is the number of the node that made it.
	Node int
	// Err is the error of a kid that was noted.
	Err string `json:",omitempty"`
	// Index is the winner of a selection, or the place of an item; Status is that of an item.
	Index  int
	Status string `json:",omitempty"`
	// Reason is why a batch ended.
	Reason string      `json:",omitempty"`
	Kids   []treeValue `json:",omitempty"`
}

// The reference interprets trees one operation after the other, without a log, a clock or
// concurrency. Where the order in which concurrent operations end decides, it says what is allowed.

// succeeds reports whether the node can succeed.
func (n *tree) succeeds() bool {
	must := 0 // kids that cannot succeed
	for _, k := range n.kids {
		if !k.succeeds() {
			must++
		}
	}
	switch n.kind {
	case treeStep:
		return !n.fails
	case treeWait, treeSettled:
		return true
	case treeLate:
		return false
	case treeGroup:
		for _, k := range n.kids {
			if !k.swallow && !k.succeeds() {
				return false
			}
		}
		return !n.fails
	case treeMap, treeParallel:
		return must <= n.tolerated()
	case treeAll, treeJoin, treeLimited:
		return must == 0
	case treeAny, treeRace, treeSelect:
		return must < len(n.kids)
	case treeKinds:
	}
	return false
}

// tolerated is how many kids of a map or parallel may fail.
func (n *tree) tolerated() int {
	switch n.rule {
	case ruleTolerate1:
		return 1
	case ruleAll, ruleMin:
		return len(n.kids)
	case ruleDefault, treeRules:
	}
	return 0
}

// fallible reports whether the node can fail.
func (n *tree) fallible() bool {
	can := 0
	for _, k := range n.kids {
		if k.fallible() {
			can++
		}
	}
	switch n.kind {
	case treeStep:
		return n.fails
	case treeWait, treeSettled:
		return false
	case treeLate:
		return true
	case treeGroup:
		for _, k := range n.kids {
			if !k.swallow && k.fallible() {
				return true
			}
		}
		return n.fails
	case treeMap, treeParallel:
		return can > n.tolerated()
	case treeAny:
		return can == len(n.kids)
	case treeAll, treeJoin, treeLimited, treeRace, treeSelect:
		return can > 0
	case treeKinds:
	}
	return false
}

// failsWith reports whether the node can fail with this message.
func (n *tree) failsWith(message string) bool {
	switch n.kind {
	case treeStep:
		return n.fails && message == n.name()+" failed"
	case treeWait, treeSettled, treeKinds:
	case treeLate:
		return message == fmt.Sprintf("%q: timed out after 1h40m0s", n.name())
	case treeGroup:
		if n.fails && message == n.name()+" failed" {
			return true
		}
		for _, k := range n.kids {
			if k.swallow {
				continue
			}
			if inner, ok := strings.CutPrefix(message, k.name()+": "); ok && k.failsWith(inner) {
				return true
			}
			if !k.succeeds() {
				return false
			}
		}
	case treeMap, treeParallel:
		return n.batchFails(message, n.tolerated()+1)
	case treeAny:
		return n.batchFails(message, len(n.kids))
	case treeAll, treeJoin, treeLimited, treeRace, treeSelect:
		return n.anyKid(func(k *tree) bool { return k.failsWith(message) })
	}
	return false
}

// batchFails reports whether that many kids can have failed, one of them as the message says.
func (n *tree) batchFails(message string, failed int) bool {
	can := 0
	for _, k := range n.kids {
		if k.fallible() {
			can++
		}
	}
	first, ok := strings.CutPrefix(message, fmt.Sprintf("%q: %d of %d operations failed, the first with: ", n.name(), failed, len(n.kids)))
	return ok && can >= failed && n.anyKid(func(k *tree) bool { return k.failsWith(first) })
}

func (n *tree) anyKid(f func(k *tree) bool) bool {
	return slices.ContainsFunc(n.kids, f)
}

// allows says why v cannot be the value of the node; nil if it can.
func (n *tree) allows(v treeValue) error {
	err := n.allowed(v)
	if err == nil && (v.Node != n.num || !n.succeeds()) {
		err = errors.New("it cannot succeed, or the value is that of another")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", n.name(), err)
	}
	return nil
}

func (n *tree) allowed(v treeValue) error {
	switch n.kind {
	case treeMap, treeParallel, treeSettled:
		return n.allowsBatch(v)
	case treeGroup, treeAll, treeJoin, treeLimited:
		if len(v.Kids) != len(n.kids) {
			return fmt.Errorf("%d results of %d", len(v.Kids), len(n.kids))
		}
		for i, k := range n.kids {
			if err := k.allowsKid(v.Kids[i], n.kind == treeGroup && k.swallow); err != nil {
				return err
			}
		}
	case treeAny, treeRace:
		if len(v.Kids) != 1 || !n.anyKid(func(k *tree) bool { return k.allows(v.Kids[0]) == nil }) {
			return fmt.Errorf("no operand results in %+v", v.Kids)
		}
	case treeSelect:
		if len(v.Kids) != 1 || v.Index >= len(n.kids) {
			return fmt.Errorf("winner %d", v.Index)
		}
		return n.kids[v.Index].allows(v.Kids[0])
	case treeStep, treeWait, treeLate, treeKinds:
	}
	return nil
}

// allowsKid is allows for a value that may be the note of an error.
func (n *tree) allowsKid(v treeValue, mayFail bool) error {
	if v.Err == "" {
		return n.allows(v)
	}
	if !mayFail || !n.failsWith(v.Err) {
		return fmt.Errorf("%s cannot fail with %q", n.name(), v.Err)
	}
	return nil
}

// allowsBatch counts, and sees whether the batch ended when its rule said so.
func (n *tree) allowsBatch(v treeValue) error {
	succeeded, failed, open := 0, 0, 0
	for i, it := range v.Kids {
		if it.Index != i || i >= len(n.kids) {
			return fmt.Errorf("item %d has the index %d", i, it.Index)
		}
		k := n.kids[i]
		switch it.Status {
		case "SUCCEEDED":
			succeeded++
			if len(it.Kids) != 1 {
				return fmt.Errorf("item %d has %d values", i, len(it.Kids))
			}
			if err := k.allows(it.Kids[0]); err != nil {
				return err
			}
		case "FAILED":
			failed++
			if !k.failsWith(it.Err) {
				return fmt.Errorf("item %d cannot fail with %q", i, it.Err)
			}
		case "STARTED":
			open++
		default:
			return fmt.Errorf("item %d has the status %q", i, it.Status)
		}
	}
	if n.maxOpen > 0 && open >= n.maxOpen {
		return fmt.Errorf("%d items open", open)
	}
	all := succeeded+failed == len(n.kids)
	switch {
	case v.Reason == "ALL_COMPLETED" && all && failed <= n.toleratedBatch():
		return nil
	case v.Reason == "MIN_SUCCESSFUL_REACHED" && n.rule == ruleMin && succeeded == n.least() && !all:
		return nil
	}
	return fmt.Errorf("ended as %s with %d succeeded, %d failed, %d open of %d", v.Reason, succeeded, failed, open, len(n.kids))
}

func (n *tree) toleratedBatch() int {
	if n.kind == treeSettled {
		return len(n.kids)
	}
	return n.tolerated()
}
