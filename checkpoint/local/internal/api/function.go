package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/perdure/perdure/internal/limits"
)

// Latest is what stands for the version of a function that is named without one.
const Latest = "$LATEST"

// defaultPrefix has the account and the region of functions that are hosted without saying which.
const defaultPrefix = "arn:aws:lambda:us-east-1:123456789012:function:"

// Function is the name of a function, in parts.
type Function struct {
	Prefix    string // "arn:…:function:"
	Name      string
	Qualifier string // empty if the name has none
}

// ParseFunction reads "name", "name:qualifier", "account:function:name[:qualifier]" and the ARN
// (Lambda API, FunctionName).
func ParseFunction(s string) (Function, error) {
	f := Function{Prefix: defaultPrefix, Name: s}
	if before, after, ok := strings.Cut(s, "function:"); ok {
		switch {
		case strings.HasPrefix(before, "arn:"):
			f.Prefix = before + "function:"
		case before != "":
			account := strings.TrimSuffix(before, ":")
			f.Prefix = strings.Replace(defaultPrefix, "123456789012", account, 1)
		}
		f.Name = after
	}
	var qualified bool
	f.Name, f.Qualifier, qualified = strings.Cut(f.Name, ":")
	if !Matches(f.Name, limits.FunctionName, IsNameByte) || qualified && !Matches(f.Qualifier, limits.Qualifier, IsQualifierByte) {
		return Function{}, fmt.Errorf("local: %q is not the name of a function", s)
	}
	return f, nil
}

// Unqualified returns the ARN without a qualifier.
func (f Function) Unqualified() string { return f.Prefix + f.Name }

// Qualified returns the ARN with the qualifier, or with what stands for none.
func (f Function) Qualified() string {
	if f.Qualifier == "" {
		return f.Prefix + f.Name + ":" + Latest
	}
	return f.Prefix + f.Name + ":" + f.Qualifier
}

// Executed returns the ARN of the version that is executed.
func (f Function) Executed() string { return f.Prefix + f.Name + ":" + f.Version() }

// Version returns the version that is executed: the qualifier if that is one, and the latest for
// none and for an alias: the service publishes no versions that an alias could stand for (AWS
// emulator, model.py).
func (f Function) Version() string {
	if f.Qualifier == "" || f.Alias() != "" {
		return Latest
	}
	return f.Qualifier
}

// Alias returns the qualifier if it is an alias. A version is a number, $LATEST or
// $LATEST.PUBLISHED.
func (f Function) Alias() string {
	number := strings.IndexFunc(f.Qualifier, func(r rune) bool { return r < '0' || r > '9' }) < 0
	if number || f.Qualifier == Latest || f.Qualifier == Latest+".PUBLISHED" {
		return ""
	}
	return f.Qualifier
}

// UniqueID returns 36 characters in the form of a UUID that depend on the parts and on nothing
// else.
func UniqueID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash never fails
	}
	s := hex.EncodeToString(h.Sum(nil))
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:32]
}

// Matches reports whether s is not empty, has at most longest bytes, and all of them are allowed.
func Matches(s string, longest int, allowed func(byte) bool) bool {
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

// IsNameByte reports whether names, and IDs of operations, may have a byte.
func IsNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// IsQualifierByte reports whether qualifiers may have a byte.
func IsQualifierByte(c byte) bool { return IsNameByte(c) || c == '$' || c == '.' }

// IsPrintable reports whether a byte is printable ASCII.
func IsPrintable(c byte) bool { return 0x20 <= c && c <= 0x7e }

// IsTenantByte reports whether IDs of tenants may have a byte.
func IsTenantByte(c byte) bool {
	return IsNameByte(c) || strings.IndexByte(".:/=+@ ", c) >= 0
}
