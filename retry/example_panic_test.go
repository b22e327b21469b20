package retry_test

import (
	"fmt"
	"strings"

	"github.com/perdure/perdure/retry"
)

func ExamplePanicStack() {
	broken := func(retry.Attempt) retry.Decision { panic("no delay for this") }
	d := retry.Decide(broken, nil, retry.Attempt{Number: 1})
	fmt.Println(d.Err)
	fmt.Println(strings.Contains(retry.PanicStack(d.Err), "ExamplePanicStack"))
	// Output:
	// retry: invalid policy: it panicked: no delay for this
	// true
}
