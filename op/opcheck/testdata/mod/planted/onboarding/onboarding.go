// Package onboarding takes a customer from registration to a running account.
package onboarding

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

type Customer struct {
	ID, Mail string
	Plan     any
}

type Mailer interface {
	Send(ctx context.Context, to, template string) error
}

type Flow struct {
	mail Mailer
	log  *slog.Logger
	once sync.Once
	mu   sync.Mutex
}

// Register is the durable handler.
func (f *Flow) Register(ctx op.Context, c Customer) (string, error) {
	terms, err := os.ReadFile("terms.txt") // planted: 18 a file in handler code
	if err != nil {
		return "", err
	}
	f.once.Do(func() {
		_ = replay.Exec(ctx, op.Do("warm-up", f.warmUp)) // planted: 19 an operation inside sync.Once
	})

	f.mu.Lock() // planted: 20 a lock held across an operation
	err = replay.Exec(ctx, op.Do("welcome", func(ctx context.Context) error { return f.mail.Send(ctx, c.Mail, string(terms)) }))
	f.mu.Unlock()
	if err != nil {
		return "", err
	}

	go f.mail.Send(context.Background(), c.Mail, "tips") // planted: 21 a goroutine in handler code

	cb, err := replay.Run(ctx, op.CreateCallback[string]("confirm"))
	if err != nil {
		return "", err
	}
	f.log.Info("waiting for confirmation", "callback", cb.ID) // planted: 22 a callback ID in the log
	if err := replay.Exec(ctx, op.Do("ask", func(context.Context) error {
		return f.mail.Send(ctx.InvocationContext(), c.Mail, cb.ID) // planted: 23 the outer context in a body
	})); err != nil {
		return "", err
	}
	time.Sleep(2 * time.Second) // planted: 24 blocks the handler
	return replay.Run(ctx, cb.Result())
}

func (f *Flow) warmUp(context.Context) error {
	for {
		if f.ready() {
			return nil
		}
		time.Sleep(time.Second) // planted: 25 a body that ignores its context in a loop
	}
}

func (f *Flow) ready() bool {
	_, err := os.Stat("/tmp/ready")
	return err == nil
}
