// Package leaks finds goroutines that tests leave behind.
package leaks

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"time"
)

// Left is what [Check] prints first if goroutines are left over.
const Left = "goroutines are left over after the tests:"

// patience is how long, in real time, goroutines may take to end, and step how often they are
// counted. One that has been asked to end is gone when its processor gets to it; one that was
// forgotten never is.
const patience, step = 5 * time.Second, 10 * time.Millisecond

// Check runs the tests of a package, for its TestMain to exit with, and returns their code: that of
// run, or 1 if there are more goroutines afterwards than before. It prints the stacks of all of
// them.
func Check(run func() int) (code int) {
	before := runtime.NumGoroutine()
	if code = run(); code != 0 || fuzzing() {
		return code // a test that has failed may not have cleaned up
	}
	if Ended(before) {
		return 0
	}
	fmt.Fprintln(os.Stdout, Left)
	_ = pprof.Lookup("goroutine").WriteTo(os.Stdout, 1) // no one is informed if even that fails
	return 1
}

// Ended waits until there are no more goroutines than before, and reports whether that came about.
func Ended(before int) bool {
	for range patience / step {
		if runtime.NumGoroutine() <= before {
			return true
		}
		time.Sleep(step) //nolint:forbidigo // goroutines end in real time
	}
	return false
}

// fuzzing reports whether inputs are searched for. What does that listens to signals forever.
func fuzzing() bool {
	f := flag.Lookup("test.fuzz")
	return f != nil && f.Value.String() != ""
}
