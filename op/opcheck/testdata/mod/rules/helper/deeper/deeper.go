// Package deeper is three packages away from the handlers that call it.
package deeper

import (
	"os"
	"time"
)

// Stamp reads the clock.
func Stamp() int64 { return time.Now().Unix() }

// Region reads the environment.
func Region() string { return os.Getenv("REGION") }

// Clock is a variable that holds a function.
var Clock = time.Now

// Add does nothing that matters.
func Add(a, b int) int { return a + b }

// Limit may change.
var Limit = 3

// SetLimit changes it.
func SetLimit(n int) { Limit = n }

// Fixed never changes.
var Fixed = 3
