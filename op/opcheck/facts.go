package opcheck

import (
	"fmt"
	"slices"
	"strings"
)

// effect is something that handler code must not do.
type effect struct {
	Kind string
	// What is the function that does it, such as time.Now; Via are the functions through which it
	// is called, the outermost first; Where is the file and line of the call of What.
	What  string
	Via   []string
	Where string
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
	Keyed bool
	Await bool // it claims nothing
	Left  bool // a scope that returns does not wait for it
}

// need is what handler code does somewhere, which is judged where the handler is made: the error
// that it asks for and that must be registered, the field that it reads.
type need struct{ What, Where string }

// funcFact is what importers need to know about a function. Parameters are counted with the
// receiver.
type funcFact struct {
	Effects []effect
	Result  []effect // of calling a function that it returns
	Called  []int    // parameters that it calls
	Bodies  []int    // parameters that become bodies
	Writes  []int    // parameters that it writes through
	Runs    bool     // it runs operations
	Claims  []string // names that it claims without a key in the scope it was given
	Op      *opInfo  // of the operation or builder that it returns
	Ordered bool     // its result is in the order of a map
	Needs   []need
	Info    bool // it asks for the idempotency key
	Keyed   []effect
	Ignores *effect   // what it does in a loop without looking at the context that it is given
	Leaves  []leaving // parameters that it writes through in bodies
	State   []need    // fields of its receiver that handler code writes and reads
}

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
	Changes bool // it is written after initialization
}

func (*varFact) AFact()           {}
func (f *varFact) String() string { return "variable" }

// packageFact lists the errors that a package registers.
type packageFact struct{ Registered []string }

func (*packageFact) AFact()           {}
func (f *packageFact) String() string { return "registers " + strings.Join(f.Registered, ", ") }
