// Command bare is a function that makes the same calls by hand: what the least program weighs that
// can talk to the service.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
)

func main() {
	client := lambdaapi.New(lambdaapi.Options{
		Region: os.Getenv("AWS_REGION"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
				SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
			}, nil
		}),
	})
	lambda.Start(func(ctx context.Context, event struct{ DurableExecutionArn, CheckpointToken string }) (string, error) {
		_, err := client.CheckpointDurableExecution(ctx, &lambdaapi.CheckpointDurableExecutionInput{
			DurableExecutionArn: &event.DurableExecutionArn, CheckpointToken: &event.CheckpointToken,
		})
		if err != nil {
			return "", err
		}
		_, err = client.GetDurableExecutionState(ctx, &lambdaapi.GetDurableExecutionStateInput{
			DurableExecutionArn: &event.DurableExecutionArn, CheckpointToken: &event.CheckpointToken,
		})
		return "", err
	})
}
