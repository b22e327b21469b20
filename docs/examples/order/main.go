// Command order runs a durable order on the local service, with the real clock and waits of a few
// seconds, and prints what the service's history records, invocation by invocation.
//
//	go run ./docs/examples/order                                  a shipped order
//	go run ./docs/examples/order declined                         another shipped order
//	go run ./docs/examples/order submarine                        one that the manager refuses
//	go run ./docs/examples/order my-order.json                    an order from a file
//	go run ./docs/examples/order -                                an order from standard input
//	go run ./docs/examples/order -kill-after charge-card tea      the function is lost once that is recorded
//
// The exit status is 0 if there is a receipt, 1 if the order failed, 2 if the command or the order
// cannot be understood.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

// The exit statuses.
const (
	exitReceipt = iota
	exitFailed
	exitUsage
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the command without its process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("order", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: order [-kill-after operation] [order]\n\n"+
			"order is one of %s, a file, or - for standard input.\n\n", strings.Join(shipped(), ", "))
		flags.PrintDefaults()
	}
	killAfter := flags.String("kill-after", "", "lose the function once this `operation` is recorded, as a crash would")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitReceipt
	case err != nil:
		return exitUsage
	}
	o, err := readOrder(flags.Args(), stdin)
	if err == nil && *killAfter != "" {
		err = checkOperation(*killAfter, o)
	}
	if err != nil {
		fmt.Fprintln(stderr, "order:", err)
		return exitUsage
	}
	s := session{out: stdout, killAfter: *killAfter}
	if _, err := s.run(ctx, o); err != nil {
		fmt.Fprintln(stderr, "order:", err)
		return exitFailed
	}
	return exitReceipt
}
