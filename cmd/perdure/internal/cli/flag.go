package cli

import (
	"time"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// durationFlag is a duration that help shows as people write it.
type durationFlag time.Duration

// duration is the value of a flag that sets p, with its default.
func duration(p *time.Duration, value time.Duration) *durationFlag {
	*p = value
	return (*durationFlag)(p)
}

// String returns the duration; for "0" help shows no default.
func (d *durationFlag) String() string {
	if *d == 0 {
		return "0"
	}
	return view.Exact(time.Duration(*d))
}

// Set reads a duration.
func (d *durationFlag) Set(text string) error {
	v, err := view.ParseSpan(text)
	*d = durationFlag(v)
	return err
}

// Type is what the help of cobra calls it.
func (*durationFlag) Type() string { return "duration" }
