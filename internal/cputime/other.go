//go:build !unix

package cputime

import "time"

var start = time.Now() //nolint:gochecknoglobals // of the process

// spent is the time that has passed: what the process had of it is not known here.
func spent() time.Duration { return time.Since(start) }
