// Package mail has the mails of loans.
package mail

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// Letter is a mail.
type Letter struct {
	To   string `json:"to"`
	Text string `json:"text"`
}

// Post sends.
func Post(ctx context.Context, l Letter) error {
	slog.InfoContext(ctx, "sent", "to", l.To)
	return nil
}

var send = op.DoFunc("send-letter", Post)

// Send is the operation that sends a letter.
func Send(l Letter) op.Op[op.None] { return send(l) }

// Inform sends a letter to the customer.
func Inform(ctx op.Context, to, format string, args ...any) error {
	return replay.Exec(ctx, Send(Letter{to, fmt.Sprintf(format, args...)}))
}

// Named names a letter by what it is about.
func Named(topic string, l Letter) op.Op[op.None] {
	return op.Do("letter-"+topic, func(ctx context.Context) error { return Post(ctx, l) }) // MISTAKE 21: constname: a helper makes the name
}
