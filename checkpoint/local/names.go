package local

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// The account and the region of functions that are hosted without saying which.
const (
	defaultFunctionPrefix = "arn:aws:lambda:us-east-1:123456789012:function:"
	latest                = "$LATEST"
)

// functionName is the name of a function, in parts.
type functionName struct {
	prefix    string // "arn:…:function:"
	name      string
	qualifier string // empty if the name has none
}

// parseFunction reads "name", "name:qualifier", "account:function:name[:qualifier]" and the ARN
// (Lambda API, FunctionName).
func parseFunction(s string) (functionName, error) {
	f := functionName{prefix: defaultFunctionPrefix, name: s}
	if before, after, ok := strings.Cut(s, "function:"); ok {
		switch {
		case strings.HasPrefix(before, "arn:"):
			f.prefix = before + "function:"
		case before != "":
			account := strings.TrimSuffix(before, ":")
			f.prefix = strings.Replace(defaultFunctionPrefix, "123456789012", account, 1)
		}
		f.name = after
	}
	var qualified bool
	f.name, f.qualifier, qualified = strings.Cut(f.name, ":")
	if !matches(f.name, 140, isNameByte) || qualified && !matches(f.qualifier, 128, isQualifierByte) {
		return functionName{}, fmt.Errorf("local: %q is not the name of a function", s)
	}
	return f, nil
}

// unqualified returns the ARN without a qualifier.
func (f functionName) unqualified() string { return f.prefix + f.name }

// qualified returns the ARN with a qualifier.
func (f functionName) qualified() string { return f.prefix + f.name + ":" + f.version() }

// version returns the qualifier, or what stands for none.
func (f functionName) version() string {
	if f.qualifier == "" {
		return latest
	}
	return f.qualifier
}

// executionARN returns the ARN of an execution (Lambda API, DurableExecutionArn).
func (s *Service) executionARN(h hosted, name string) string {
	return h.qualified() + "/durable-execution/" + name + "/" + uniqueID(s.seed, h.unqualified(), name)
}

// uniqueID returns 36 characters in the form of a UUID that depend on the parts and on nothing else.
func uniqueID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash never fails
	}
	s := hex.EncodeToString(h.Sum(nil))
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:32]
}

// matches reports whether s is not empty, has at most longest bytes, and all of them are allowed.
func matches(s string, longest int, allowed func(byte) bool) bool {
	if s == "" || len(s) > longest {
		return false
	}
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

func isQualifierByte(c byte) bool { return isNameByte(c) || c == '$' || c == '.' }

func isPrintable(c byte) bool { return 0x20 <= c && c <= 0x7e }

func isTenantByte(c byte) bool {
	return isNameByte(c) || strings.IndexByte(".:/=+@ ", c) >= 0
}
