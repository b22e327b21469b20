package engine

import "bytes"

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
