package oplog

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/perdure/perdure/internal/limits"
)

// The lengths of the parts of names that are derived.
const (
	startedMark   = 16 // hexadecimal digits
	successorMark = 10
	mostOperation = 20 // bytes of the name of an operation
)

// StartedName is the name of the execution that an operation starts: it begins with the names of
// its execution and of the operation, for people, and ends with a mark that no other operation of
// any execution has.
func StartedName(arn, execution, id, operation string) string {
	mark := markOf("start", arn, id)[:startedMark]
	operation = cut(executionText(operation), mostOperation)
	return cut(executionText(execution), limits.ExecutionName-len(operation)-startedMark-2) + "-" + operation + "-" + mark
}

// SuccessorName is the name of the execution that continues another one: "order-17-2-8f14e45fce"
// after "order-17", and "order-17-3-45c48cce2e" after that. The number counts the executions of the
// chain; the mark keeps the name apart from all that users may choose.
func SuccessorName(arn, execution string) string {
	first, round := Round(execution)
	end := "-" + strconv.Itoa(round+1) + "-" + markOf("successor", arn, "")[:successorMark]
	return cut(executionText(first), limits.ExecutionName-len(end)) + end
}

// Round returns the name of the first execution of a chain, as far as the name of a later one shows
// it, and the number of this one in the chain: 1 for a name that is not that of a successor.
func Round(execution string) (first string, round int) {
	rest, mark, ok := cutLast(execution)
	if !ok || len(mark) != successorMark || strings.Trim(mark, "0123456789abcdef") != "" {
		return execution, 1
	}
	first, number, ok := cutLast(rest)
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 2 || strconv.Itoa(n) != number {
		return execution, 1
	}
	return first, n
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '-')
	if i <= 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// markOf is a text that differs for different arguments.
func markOf(purpose, arn, id string) string {
	sum := sha256.Sum256([]byte("perdure\x00" + purpose + "\x00" + arn + "\x00" + id))
	return hex.EncodeToString(sum[:])
}

// executionText makes of s what the name of an execution may have.
func executionText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '-'
	}, s)
}

// cut shortens s to that many bytes, all of which are ASCII.
func cut(s string, most int) string { return s[:min(len(s), most)] }
