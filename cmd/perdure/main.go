// Command perdure runs durable functions on this machine, and looks after executions here or on
// AWS.
//
//	go install github.com/perdure/perdure/cmd/perdure@latest
//	perdure dev ./order
//	perdure --help
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/perdure/perdure/op/opcheck/check"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

func main() {
	if check.IsTool(os.Args[1:]) { // perdure check runs go vet, which runs this program
		check.Tool()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // the root of the program
	context.AfterFunc(ctx, stop)                                                           // a second Ctrl-C ends at once
	code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Width: columns()})
	os.Exit(code)
}
