package local_test

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

func ExampleVirtualClock() {
	clock := local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, after := range []time.Duration{2 * time.Hour, time.Hour} {
		clock.AfterFunc(after, func() { fmt.Println("it is", clock.Now().Format(time.TimeOnly)) })
	}
	next, _ := clock.Next()
	fmt.Println("next at", next.Format(time.TimeOnly))
	clock.Advance(24 * time.Hour)
	fmt.Println("it is", clock.Now().Format(time.DateTime))
	// Output:
	// next at 01:00:00
	// it is 01:00:00
	// it is 02:00:00
	// it is 2026-01-02 00:00:00
}
