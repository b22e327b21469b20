//go:build logs

package main

import (
	"log/slog"
	"os"
)

// What structured logs bring in, which is what handlers and bodies write.
func init() { slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil))) }
