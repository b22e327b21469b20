package handlers

import (
	"context"
	"io"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replayotel"
)

// World is what the functions need of the machine they run on.
type World struct {
	// Out is where log lines go: on Lambda, the standard output.
	Out io.Writer
	// Exit ends the process; it does not return. ctx is the context of the body that calls it.
	Exit func(ctx context.Context)
	// Sleep lets time pass in a body.
	Sleep func(ctx context.Context, d time.Duration)
	// Trace makes the interceptor of traced functions, as package replayotel does; nil: they are
	// not traced.
	Trace func(v replayotel.View) (replay.Interceptor, error)
	// Count adds one to a counter that outlives the process, and returns it.
	Count func(key string) int
}

// on makes a durable function that logs to the world's output.
func on[In, Out any](w World, fn func(op.Context, In) (Out, error), opts ...replay.HandlerOption) lambda.Handler {
	return replay.Handler(fn, append(opts, replay.WithLogHandler(replay.JSONLogs(w.Out, nil)))...)
}

// Targets are the functions that those of the suite invoke call, by name.
func Targets() map[string]lambda.Handler {
	return map[string]lambda.Handler{
		echoTarget: replay.Handler(echo),
		failTarget: replay.Handler(fail),
	}
}
