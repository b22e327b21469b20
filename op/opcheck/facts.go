package opcheck

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// effect is something that handler code must not do.
type effect struct {
	Kind string
	// What is the function that does it, such as time.Now; Via are the functions through which it
	// is called, the outermost first; Where is the file and line of the call of What.
	What  string
	Via   []string
	Where string
	// Own is a package variable that the function writes, too.
	Own bool
}

func (e effect) key() string { return e.Kind }

// through is the effect seen by a caller of the function.
func (e effect) through(name string) effect {
	if len(e.Via) < 6 {
		e.Via = append([]string{name}, e.Via...)
	}
	return e
}

// chain describes the way to the effect.
func (e effect) chain() string {
	if len(e.Via) == 0 {
		return e.What
	}
	return fmt.Sprintf("%s (%s)", strings.Join(append(slices.Clip(e.Via), e.What), " → "), e.Where)
}

// opInfo is what is known about an operation or a builder.
type opInfo struct {
	Name  string // "" if it is not a constant
	Kind  string
	Keyed bool
	Key   string // if it is a constant
	Await bool   // it claims nothing
	Left  bool   // a scope that returns does not wait for it

	// Of an operation that a function returns: the parameters that are its name and its key,
	// counted from 1.
	NameFrom, KeyFrom int

	name, key ssa.Value // if they are not constants
}

// need is what handler code does somewhere, which is judged where the handler is made: the error
// that it asks for and that must be registered, the field that it reads.
type need struct{ What, Where string }

// funcFact is what importers need to know about a function. Parameters are counted with the
// receiver.
type funcFact struct {
	Effects   []effect
	Result    []effect // of calling a function that it returns
	Called    []int    // parameters that it calls
	Bodies    []int    // parameters that become bodies
	Writes    []int    // parameters that it writes through
	Runs      bool     // it runs operations
	Claims    []string // names that it claims without a key in the scope it was given
	Op        *opInfo  // of the operation or builder that it returns
	Ordered   bool     // its result is in the order of a map
	Needs     []need
	Info      bool // it asks for the idempotency key
	Keyed     []effect
	Ignores   *effect   // what it does in a loop without looking at the context that it is given
	Leaves    []leaving // parameters that it writes through in bodies
	State     []need    // fields of its receiver that handler code writes and reads
	Async     []int     // parameters that it calls on other goroutines
	Looped    []int     // parameters that it calls in a loop
	Asks      []asking  // errors that it asks its parameters for
	Drops     []int     // errors that it is given and does not look at
	Options   *optInfo  // of the options of operations that it returns
	Fresh     bool      // its first result is an object that it has made
	Named     []naming  // operations that it runs whose name or key it is given
	Fails     bool      // its error is that of an operation
	Passes    []int     // errors that it is given and returns
	Logs      []int     // parameters that it logs
	Submits   []int     // parameters that are given the ID of a callback
	Locked    []int     // parameters that it calls while it holds a lock
	Replaying bool      // it returns whether the execution is replaying
	Locks     bool      // it returns with a lock held
	Records   []int     // type parameters that are recorded
	InOrder   []int     // parameters that it calls in the order of a map
	Reads     []int     // parameters of which it reads fields that change
	Invokes   []invoking
	Sets      []setTo
	Methods   methods // of the interface that it returns, if all is known that it may be
}

// asking is an error that a function asks the error in one of its parameters for.
type asking struct {
	Param int
	What  string
}

// optInfo is what is known about options of a step.
type optInfo struct {
	Most     bool // the step runs at most once per attempt
	Repeats  bool // it has a policy that repeats it
	Never    bool // it has one that does not; of several the last counts
	Unless   bool // the policy leaves something out
	Filtered bool // a filter beside the policy does
	Order    order
}

// order is where the options stand that a function is given and returns among its own.
type order int

const (
	unordered  order = iota
	givenFirst       // its own come after them, and count
	givenLast
)

func (o optInfo) or(p optInfo) optInfo {
	return optInfo{o.Most || p.Most, o.Repeats || p.Repeats, o.Never || p.Never, o.Unless || p.Unless, o.Filtered || p.Filtered, unordered}
}

// then is what is known of options of which p come after o: the last policy counts.
func (o optInfo) then(p optInfo) optInfo {
	if p.Repeats || p.Never {
		o.Repeats, o.Never, o.Unless = false, false, false
	}
	return o.or(p)
}

// repeats reports whether the step has a policy that repeats it after any error.
func (o optInfo) repeats() bool { return o.Repeats && !o.Never && !o.Unless && !o.Filtered }

// leaving is a parameter that is written through in a body.
type leaving struct {
	Param int
	Where string
}

func (*funcFact) AFact()           {}
func (f *funcFact) String() string { return fmt.Sprintf("does %d", len(f.Effects)) }

// varFact is what importers need to know about a package variable or a field.
type varFact struct {
	Effects []effect // of calling it
	Op      *opInfo
	Options *optInfo
	Changes bool    // it is written after initialization
	Methods methods // of what it holds, if all is known that it may hold
}

type methods []methodFact

// methodFact is what a method does: a list of them, because an encoded map has no order.
type methodFact struct {
	Name    string
	Effects []effect
}

// target is the method of a name, if there are methods.
func (m methods) target(name string) []target {
	if m == nil {
		return nil
	}
	i := slices.IndexFunc(m, func(f methodFact) bool { return f.Name == name })
	if i < 0 {
		return []target{{fact: &funcFact{}}}
	}
	return []target{{fact: &funcFact{Effects: m[i].Effects}}}
}

func (*varFact) AFact()           {}
func (f *varFact) String() string { return "variable" }

// packageFact lists the errors that a package registers, and the fields that its handler code
// calls.
type packageFact struct {
	Registered []string
	Calls      []invoking
	Submits    []string // fields that are given the IDs of callbacks
}

func (*packageFact) AFact()           {}
func (f *packageFact) String() string { return "registers " + strings.Join(f.Registered, ", ") }
