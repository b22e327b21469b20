package main

import (
	"os"
	"strconv"

	"golang.org/x/term"
)

// columns returns how wide the terminal is that results are printed on; zero if they are not.
// $COLUMNS goes before what the terminal says.
func columns() int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n >= 40 {
		return n
	}
	if n, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		return n
	}
	return 0
}
