// Package flags says which features are switched on.
package flags

import (
	"os"
	"strings"
)

// Set is a set of features.
type Set struct{ prefix string }

// For returns the features of a service.
func For(service string) Set { return Set{prefix: strings.ToUpper(service) + "_"} }

// On reports whether a feature is switched on.
func (s Set) On(feature string) bool {
	v, ok := os.LookupEnv(s.prefix + strings.ToUpper(feature))
	return ok && v != "0" && v != "off"
}
