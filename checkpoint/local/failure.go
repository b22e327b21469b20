package local

import (
	"fmt"
	"strings"

	"github.com/perdure/perdure/checkpoint"
)

// panicFailure is what the Lambda runtime reports of a panic.
func panicFailure(v any) *checkpoint.Failure {
	return &checkpoint.Failure{Type: typeName(v), Message: fmt.Sprint(v)}
}

// typeName returns the name of a value's type without pointer, package and type arguments, as the
// Lambda runtime reports it.
func typeName(v any) string {
	name, _, _ := strings.Cut(fmt.Sprintf("%T", v), "[")
	name = strings.TrimLeft(name, "*")
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return name
}
