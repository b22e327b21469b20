package checkpoint

import lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

// OptionsOf returns what the client of the AWS SDK is made of that c calls.
func OptionsOf(c Client) lambdaapi.Options {
	return c.(*lambdaClientWhole).lambdaClient.api.(*lambdaapi.Client).Options() //nolint:forcetypeassert // for clients of ClientFromEnv
}
