// Command cmd runs the handler.
package main

import (
	"github.com/perdure/perdure/replay"

	"example.test/shop/guises/depot"
)

func main() {
	_ = replay.Handler(depot.Ship)
}
