package local

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// token returns the token of the next call: every accepted call has moved it on.
func (inv *invocation) token() string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d.%s", inv.number, inv.accepted, inv.requestID))
}

// accepts reports whether a call may carry this token now: it is that of the last accepted call of
// the last invocation. The execution's mutex is held.
func (e *Execution) accepts(token string) bool {
	return e.inv != nil && !e.inv.dead && !e.inv.cut && !e.rec.Status.Terminal() && token == e.inv.token()
}

// tokenInvocation returns the number of the invocation that a token is of, zero if it is no token.
func tokenInvocation(token string) int {
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return 0
	}
	number, _, _ := strings.Cut(string(text), ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return n
}
