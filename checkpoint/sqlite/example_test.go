package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/checkpoint/sqlite"
)

// The result of an execution is there after the service has been closed and opened again.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "executions.db")
	greet := replay.Handler(func(ctx op.Context, name string) (string, error) {
		return replay.Run(ctx, op.Step("greet", func(context.Context) (string, error) {
			fmt.Println("the body runs")
			return "Hello, " + name, nil
		}))
	})

	for range 2 {
		store, err := sqlite.Open(path)
		if err != nil {
			log.Println(err)
			return
		}
		service := local.New(local.WithStore(store))
		if err := service.Host("greet", greet); err != nil {
			log.Println(err)
			return
		}
		e, err := service.Start(context.Background(), "greet", "the-first", []byte(`"Ada"`))
		if err != nil {
			log.Println(err)
			return
		}
		if err := e.Wait(context.Background()); err != nil {
			log.Println(err)
			return
		}
		fmt.Println(string(e.Result()))
		if err := service.Close(); err != nil {
			log.Println(err)
			return
		}
		if err := store.Close(); err != nil {
			log.Println(err)
			return
		}
	}
	// Output:
	// the body runs
	// "Hello, Ada"
	// "Hello, Ada"
}
