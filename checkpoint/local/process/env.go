package process

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/perdure/perdure/checkpoint/local/internal/api"
)

// now is the time of processes, which is the real one.
func now() time.Time { return time.Now() } //nolint:forbidigo // a process runs in real time

// environment returns the variables of a process that is started for an invocation, as Lambda sets
// them (Lambda, defined runtime environment variables).
func (f *Function) environment(ctx context.Context, program, api string) []string {
	name, version, region := identity(ctx)
	var env []string
	if f.inherit {
		env = os.Environ()
	} else {
		for _, key := range []string{"PATH", "HOME", "TMPDIR", "SystemRoot"} {
			if value, ok := os.LookupEnv(key); ok {
				env = append(env, key+"="+value)
			}
		}
	}
	env = append(env,
		"AWS_LAMBDA_RUNTIME_API="+api,
		"AWS_LAMBDA_FUNCTION_NAME="+name,
		"AWS_LAMBDA_FUNCTION_VERSION="+version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1769",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/"+name,
		"AWS_LAMBDA_LOG_STREAM_NAME=local",
		"AWS_EXECUTION_ENV=AWS_Lambda_local",
		"AWS_REGION="+region,
		"AWS_DEFAULT_REGION="+region,
		"LAMBDA_TASK_ROOT="+filepath.Dir(program),
		"_HANDLER=bootstrap",
		"TZ=:UTC",
	)
	if f.endpoint != "" {
		env = append(env,
			"AWS_ENDPOINT_URL_LAMBDA="+f.endpoint,
			"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_SESSION_TOKEN=local",
		)
	}
	return append(env, f.env...)
}

// identity returns whose process it is: the name, the version and the region of the function.
func identity(ctx context.Context) (name, version, region string) {
	name, version, region = "function", "$LATEST", "us-east-1"
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return name, version, region
	}
	parts := strings.Split(lc.InvokedFunctionArn, ":") // arn:aws:lambda:region:account:function:name:version
	if len(parts) < 7 {
		return name, version, region
	}
	region, name = parts[3], parts[6]
	if len(parts) > 7 {
		version = api.Function{Qualifier: parts[7]}.Version()
	}
	return name, version, region
}

// requestIDOf returns the ID of an invocation.
func requestIDOf(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}
