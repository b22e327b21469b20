//go:build unix

package process_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// TestVersionOfAProcess: the variable AWS_LAMBDA_FUNCTION_VERSION names a version, also if the
// function was invoked with an alias, which its ARN then has (Lambda, defined runtime environment
// variables).
func TestVersionOfAProcess(t *testing.T) {
	t.Parallel()
	const function = "arn:aws:lambda:eu-west-1:123456789012:function:order"
	for _, tt := range []struct{ reason, arn, want string }{
		{"a version", function + ":7", "7"},
		{"the latest version", function + ":$LATEST", "$LATEST"},
		{"no qualifier", function, "$LATEST"},
		{"an alias", function + ":live", "$LATEST"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			f := run(t, "function")
			ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: tt.arn})
			in, err := json.Marshal(order{Do: "who"})
			if err != nil {
				t.Fatal(err)
			}
			out, err := f.Invoke(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ ARN, Version, Name string }
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			if got.Version != tt.want || got.ARN != tt.arn || got.Name != "order" {
				t.Errorf("the process is %s of %s, invoked as %s; want %s", got.Version, got.Name, got.ARN, tt.want)
			}
		})
	}
}
