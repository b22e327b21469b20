package limits

import "strings"

// IsFunctionName reports whether the service takes s as the name of a function: "name",
// "name:qualifier", "account:function:name[:qualifier]" or an ARN (Lambda API, FunctionName).
func IsFunctionName(s string) bool {
	if _, after, ok := strings.Cut(s, "function:"); ok {
		s = after
	}
	name, qualifier, qualified := strings.Cut(s, ":")
	return isName(name, FunctionName, "_-") && (!qualified || isName(qualifier, Qualifier, "_-$"))
}

func isName(s string, longest int, others string) bool {
	if s == "" || len(s) > longest {
		return false
	}
	for _, r := range s {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		if !letter && !strings.ContainsRune(others, r) {
			return false
		}
	}
	return true
}

// IsExecutionName reports whether the service takes s as the name of an execution (Lambda API,
// Invoke: DurableExecutionName).
func IsExecutionName(s string) bool { return isName(s, ExecutionName, "_-") }
