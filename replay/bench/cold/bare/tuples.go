//go:build tuples

package main

// What the tuples of joins bring into every program: the functions of their package make tables for
// languages when a program starts, which the linker therefore keeps.
import _ "github.com/samber/lo"
