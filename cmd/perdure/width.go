package main

import (
	"os"
	"strconv"
)

// columns returns how wide the terminal says it is; zero if it does not.
func columns() int {
	n, err := strconv.Atoi(os.Getenv("COLUMNS"))
	if err != nil || n < 40 {
		return 0
	}
	return n
}
