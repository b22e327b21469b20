package replay

import (
	"bytes"
	"runtime"
	"strconv"
)

// goroutineID reads the ID of the calling goroutine from its stack. It takes microseconds, so it
// is asked for when a goroutine starts and when a call is about to wait, never on a replay hit.
func goroutineID() uint64 {
	var buf [64]byte
	fields := bytes.Fields(buf[:runtime.Stack(buf[:], false)])
	if len(fields) < 2 { //nolint:mnd // "goroutine", its number
		return 0
	}
	id, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// stackLines splits a stack for the wire.
func stackLines(stack []byte) []string {
	const most = 64
	var lines []string
	for line := range bytes.Lines(stack) {
		if len(lines) == most {
			break
		}
		lines = append(lines, string(bytes.TrimSpace(line)))
	}
	return lines
}
