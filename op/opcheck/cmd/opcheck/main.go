// Command opcheck checks durable handlers: by itself, or as the tool of go vet.
//
//	go install github.com/perdure/perdure/op/opcheck/cmd/opcheck@latest
//	opcheck ./...
//	go vet -vettool="$(command -v opcheck)" ./...
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/perdure/perdure/op/opcheck"
)

func main() { multichecker.Main(opcheck.Analyzers()...) }
