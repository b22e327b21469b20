// Command cmd runs the handlers.
package main

import (
	"context"
	"database/sql"

	"github.com/perdure/perdure/replay"

	"example.test/shop/guises/lending"
	"example.test/shop/guises/lending/bureau"
	"example.test/shop/guises/lending/ledger"
)

func main() {
	db, err := sql.Open("postgres", "lending")
	if err != nil {
		panic(err)
	}
	s := lending.New(bureau.New(db), ledger.New("https://ledger.example/"))
	_ = []any{replay.Handler(s.Decide), replay.Handler(s.Review)}
	_ = context.Background()
}
