package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// clearScreen has a terminal begin again at its first line.
const clearScreen = "\x1b[H\x1b[2J\x1b[3J"

// redraw is how long a terminal shows an execution at most before it is drawn again: ages and what
// is left of waits change without an event.
const redraw = time.Second

// watchShow shows an execution again whenever it has gone on, until it has ended. A terminal shows
// the last state alone; elsewhere an empty line stands between two.
func (a *app) watchShow(ctx context.Context, arn string, open *opener, o *showOptions) error {
	var seen []local.Event
	var e *described
	h := view.New()
	longest := longGlance
	if a.Width > 0 && !a.onAWS() {
		longest = redraw
	}
	for pause, first := glance, true; ; pause = min(pause*3/2, longest) {
		last := 0
		if len(seen) > 0 {
			last = seen[len(seen)-1].ID
		}
		news, err := a.events(ctx, arn, last)
		if err != nil {
			return err
		}
		open.open(ctx, news)
		seen = append(seen, news...)
		for i := range news {
			h.Add(&news[i])
		}
		if first || len(news) > 0 {
			pause = glance
			if e, err = a.execution(ctx, arn); err != nil {
				return err
			}
			open.openExecution(ctx, e.GetDurableExecutionOutput)
			a.readTimeout(ctx, e, h)
			h.SetToday(a.today(ctx, e, o))
		}
		if first || len(news) > 0 || a.Width > 0 {
			a.moveTimers(ctx, arn, h)
			switch {
			case a.Width > 0:
				fmt.Fprint(a.Out, clearScreen)
			case !first:
				fmt.Fprintln(a.Out)
			}
			if err := a.printShow(e, h, o); err != nil {
				return err
			}
		}
		if ended(news) {
			return nil
		}
		first = false
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}
