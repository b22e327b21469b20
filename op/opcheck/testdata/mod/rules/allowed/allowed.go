// Package allowed has allowances.
package allowed

import (
	"os"
	"time"

	"github.com/perdure/perdure/op"
)

//perdure:allow clock,environ the whole function is for a log line
func whole(ctx op.Context) int64 {
	_ = os.Getenv("X")
	return time.Now().Unix()
}

func some(ctx op.Context) int64 {
	_ = time.Now() /* want `clock: time.Now` `allow: no reason` */ //perdure:allow clock
	_ = 1          /* want `allow: unknown rule "clocks"` */       //perdure:allow clocks the name is wrong
	_ = 2          /* want `allow: nothing to allow` */            //perdure:allow clock nothing here reads it
	return 3
}
