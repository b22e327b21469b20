// Command runner serves a stack that the published runner of the conformance tests can be pointed
// at, and writes the template for it:
//
//	go run ./replay/conformance/runner -template template.yaml
//
// Set AWS_ENDPOINT_URL to the address it prints, and for spans AWS_ENDPOINT_URL_S3 to the second
// one. It ends with Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/perdure/perdure/replay/replayotel"

	"github.com/perdure/perdure/replay/conformance"
)

func main() {
	conformance.Main()
	listen := flag.String("listen", "127.0.0.1:9091", "the address to serve the stack at")
	template := flag.String("template", "", "the file to write the template of the stack to")
	view := flag.String("view", replayotel.Invocations.String(), "the view in which targets of traced functions are traced, "+
		replayotel.Invocations.String()+" or "+replayotel.Executions.String())
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) //nolint:forbidigo // the root of the program
	defer stop()
	if err := run(ctx, *listen, *template, *view); err != nil {
		fmt.Fprintln(os.Stderr, "runner:", err)
		os.Exit(1) //nolint:gocritic // there is nothing left to stop
	}
}

func run(ctx context.Context, listen, template, view string) (err error) {
	in := replayotel.Invocations
	switch view {
	case replayotel.Invocations.String():
	case replayotel.Executions.String():
		in = replayotel.Executions
	default:
		return fmt.Errorf("-view is %s or %s, not %q", replayotel.Invocations, replayotel.Executions, view)
	}
	if template != "" {
		if err := os.WriteFile(template, []byte(conformance.Template(nil)), 0o600); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	counters, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(counters)) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	endpoint := "http://" + listener.Addr().String()
	stack, err := conformance.NewStack(endpoint, self, counters, in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Close()) }()
	server := &http.Server{Handler: stack, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Fprintf(os.Stdout, "AWS_ENDPOINT_URL=%s\nAWS_ENDPOINT_URL_S3=%s%s\n", endpoint, endpoint, conformance.ObjectsPath)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
