// Command poll has films transcoded by a farm that has to be asked whether it is done. It runs on
// the local service, where hours pass at once, and prints what happens: to a film while the farm is
// down for a time and a process is lost, to one that takes too long, and to one that cannot be
// decoded.
//
//	go run ./docs/examples/poll
//
// The handler is in poll.go, the operations in operations.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/docs/examples/internal/demo"
)

func main() {
	if err := show(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// deadline is how long a film may take.
const deadline = 2 * time.Hour

// show prints three films.
func show(ctx context.Context, w io.Writer) error {
	for _, act := range []struct {
		title string
		film  Film
		crash string
		ends  string // the type of the error; empty for a movie
	}{
		{"the farm is down for a time, and a process is lost", Film{ID: "short", File: "short.mov", Seconds: 45 * 60}, "submit-job", ""},
		{"a film that takes too long", Film{ID: "epic", File: "epic.mov", Seconds: 9 * 3600}, "", "TooSlow"},
		{"a film that the farm cannot decode", Film{ID: "reel", File: "reel.raw", Seconds: 3 * 60}, "", "Refused"},
	} {
		fmt.Fprintf(w, "\n== %s\n", act.title)
		farm := &Farm{DownFrom: 5 * time.Minute, DownTo: 12 * time.Minute}
		d := demo.New(w, time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)) //nolint:contextcheck // it lives as long as its run
		d.Brief(1)
		if act.crash != "" {
			d.CrashBefore(act.crash)
		}
		_, err := demo.Run(ctx, d, "transcode", NewFunction(farm, deadline, d.Options()...), act.film)
		if failed, ok := errors.AsType[*local.ExecutionError](err); err != nil && (!ok || failed.Failure.Type != act.ends) {
			return err
		}
	}
	return nil
}
