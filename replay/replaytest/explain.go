package replaytest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// complaints are what fails a test however the execution ended, but for what was never used.
func (k *kit) complaints() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := slices.Concat(k.earlier, k.misfits)
	list = append(list, k.same.complaints(k.atLine)...)
	if !k.cfg.repeats {
		for _, path := range k.repeated {
			list = append(list, repeats(path, k.atLine))
		}
	}
	return list
}

// idle is something that a test has given and that was never used.
type idle struct {
	what any // a *stub, or which reply or function, as text
	text string
}

// idle lists the stubs, replies and hosted functions that were never used.
func (k *kit) idle() (list []idle) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.cfg.stubs {
		if !k.used[s] {
			list = append(list, idle{s, s.name + " was never used: " + k.unusedStub(s)})
		}
	}
	for _, r := range k.cfg.replies {
		if !k.replied[r.path] {
			list = append(list, idle{"reply " + r.path, unusedReply(r.path, k.callbacks)})
		}
	}
	return append(list, k.idleHosts()...)
}

// unusedStub says why a stub may not have been used. Called with the lock.
func (k *kit) unusedStub(s *stub) string {
	var paths []string
	for _, id := range k.order {
		paths = append(paths, k.paths[id])
	}
	if s.decl == nil {
		return "no step or group runs there" + meant(s.path, paths)
	}
	if at, ok := k.names[s.decl.Name]; ok {
		return fmt.Sprintf("%q was run, but another builder has declared it: stub the builder that the handler runs, "+
			"a field of the same struct for instance", at)
	}
	return "the handler has not reached such an operation" + meant("", paths)
}

// idleHosts lists the functions that were not invoked.
func (k *kit) idleHosts() (list []idle) {
	var invoked []string
	for _, e := range k.svc.Executions() {
		_, function, _ := strings.Cut(e.Record().HostedAs(), ":function:")
		if name, _, _ := strings.Cut(function, ":"); name != k.cfg.function() {
			invoked = append(invoked, function)
		}
	}
	for _, h := range k.cfg.hosts {
		name := h.function
		if _, function, ok := strings.Cut(name, ":function:"); ok {
			name = function
		}
		if !slices.ContainsFunc(invoked, func(f string) bool { return f == name || strings.HasPrefix(f, name+":") }) {
			text := fmt.Sprintf("the function of Host(%q) was never used: no operation has invoked it", h.function)
			list = append(list, idle{"host " + h.function, text})
		}
	}
	return list
}

// unusedReply says that no one has asked for a reply.
func unusedReply(path string, callbacks []string) string {
	return fmt.Sprintf("the reply for %q was never used: no callback waited there%s", path, meant(path, callbacks))
}

// notHosted reports an invocation of a function that the test does not have.
func notHosted(ops []Operation, hosts []hosted) string {
	for _, o := range ops {
		if o.Kind != checkpoint.KindChainedInvoke || o.Failure == nil || o.Failure.Type != "ResourceNotFoundException" {
			continue
		}
		var names []string
		for _, h := range hosts {
			names = append(names, h.function)
		}
		_, function, _ := strings.Cut(o.Failure.Message, ": ")
		return fmt.Sprintf("%q invokes the function %q, which the test does not have: give it with Host(%q, …)%s",
			o.Path, function, function, meant(function, names))
	}
	return ""
}

// misfit says why a stub cannot take the place of an operation; empty if it can.
func misfit(s *stub, path string, n node.Node) string {
	var kind, instead string
	switch n.(type) {
	case *node.Step, *node.Group, *node.Await, *node.Choice, *node.Inline:
		return ""
	case *node.Wait:
		kind, instead = "a wait", "time passes by itself; look into a wait with Start and Advance"
	case *node.Callback:
		kind, instead = "a callback", "answer it with CallbackResult"
	case *node.Invoke:
		kind, instead = "an invocation of another function", "give that function with Host"
	case *node.Batch:
		kind, instead = "a batch", "stub what runs in it, such as "+strconv.Quote(path+"[*]/name")
	}
	return fmt.Sprintf("%s does nothing: %q is %s, and stubs take the place of the bodies of steps and groups; %s", s.name, path, kind, instead)
}

// repeats complains of a name that is used twice.
func repeats(path string, at func(path string) string) string {
	first := path[:strings.LastIndexByte(path, '#')]
	return fmt.Sprintf("%q%s repeats the name of %q%s without a key: an operation of that name inserted before it would take its "+
		"record; distinguish them with Key, or accept it with AllowRepeats", path, at(path), first, at(first))
}

// waitsFor lists what is not finished. instead is another way to answer than by a reply; empty for
// none.
func waitsFor(ops []Operation, replies []reply, instead string) string {
	var open []string
	callback := ""
	for _, o := range ops {
		if o.Kind == checkpoint.KindContext || o.Status.Terminal() {
			continue
		}
		if o.Kind == checkpoint.KindCallback {
			callback = askedAt(o, ops)
		}
		open = append(open, fmt.Sprintf("%s %q is %s", kindWord(o.Kind), o.Path, o.Status))
	}
	what := strings.Join(open, ", ")
	switch {
	case len(open) == 0:
		return "it waits for nothing"
	case callback == "":
		return what
	case len(replies) == 0:
		if instead != "" {
			instead = fmt.Sprintf(", or with %s(%q)", instead, callback)
		}
		return fmt.Sprintf("%s; answer it with the option CallbackResult(%q, …)%s", what, callback, instead)
	}
	var paths []string
	for _, r := range replies {
		paths = append(paths, strconv.Quote(r.path))
	}
	return fmt.Sprintf("%s; no CallbackResult is for %q, but for %s", what, callback, strings.Join(paths, ", "))
}

// byHand is how a test answers a callback itself.
const byHand = "Start and Callback"

// askedAt is the path by which a test names a callback: that of the op.WaitForCallback around it,
// if there is one.
func askedAt(o Operation, ops []Operation) string {
	for _, around := range ops {
		if around.ID == o.ParentID && around.SubType == subtype.WaitForCallback {
			return around.Path
		}
	}
	return o.Path
}
