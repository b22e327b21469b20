// Command function is what the program live deploys.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/checkpoint"

	"github.com/perdure/perdure/replay/conformance/live/subject"
)

func main() {
	lambda.Start(subject.Handler(func(context.Context) (checkpoint.Client, error) { return checkpoint.ClientFromEnv() }, os.Getenv))
}
