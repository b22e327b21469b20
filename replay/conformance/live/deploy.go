package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const (
	trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	// policy is of the function alone: %s is its ARN pattern, and that of its log group.
	policy = `{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":["lambda:CheckpointDurableExecution","lambda:GetDurableExecutionState","lambda:InvokeFunction"],"Resource":"arn:*:lambda:*:*:function:%[1]s:*"},
{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:*:logs:*:*:log-group:/aws/lambda/%[1]s:*"}]}`
	policyName = "measure"
	// invocationSeconds is how long an invocation may take: that is waited for nine times.
	invocationSeconds = 20
	memory            = 128
)

func (c *cloud) logGroup() string { return "/aws/lambda/" + c.name }

// deploy makes the role, the log group and the function, and publishes a version of it.
func (c *cloud) deploy(ctx context.Context, code []byte) error {
	role, err := c.roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &c.name, AssumeRolePolicyDocument: aws.String(trust)})
	if err != nil {
		return fmt.Errorf("make the role %s: %w", c.name, err)
	}
	if _, err := c.roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: &c.name, PolicyName: aws.String(policyName), PolicyDocument: aws.String(fmt.Sprintf(policy, c.name)),
	}); err != nil {
		return fmt.Errorf("give the role %s its policy: %w", c.name, err)
	}
	group := c.logGroup()
	if _, err := c.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil {
		return fmt.Errorf("make the log group %s: %w", group, err)
	}
	if _, err := c.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &group, RetentionInDays: aws.Int32(1)}); err != nil {
		return fmt.Errorf("have the log group %s keep lines for a day: %w", group, err)
	}
	if err := c.createFunction(ctx, aws.ToString(role.Role.Arn), code); err != nil {
		return err
	}
	version, err := c.publish(ctx)
	c.version = version
	return err
}

// createFunction makes the function. A role that was made just now is not known everywhere yet:
// the call is made again for half a minute.
func (c *cloud) createFunction(ctx context.Context, role string, code []byte) error {
	for tries := 10; ; tries-- {
		_, err := c.lambda.CreateFunction(ctx, &lambdaapi.CreateFunctionInput{
			FunctionName: &c.name, Role: &role, Code: &lambdatypes.FunctionCode{ZipFile: code},
			Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
			Architectures: []lambdatypes.Architecture{lambdatypes.ArchitectureArm64},
			MemorySize:    aws.Int32(memory), Timeout: aws.Int32(invocationSeconds),
			Environment:   &lambdatypes.Environment{Variables: map[string]string{"CODE": "first"}},
			DurableConfig: &lambdatypes.DurableConfig{ExecutionTimeout: aws.Int32(3600), RetentionPeriodInDays: aws.Int32(1)},
		})
		if early, ok := errors.AsType[*lambdatypes.InvalidParameterValueException](err); err != nil && (!ok || early == nil || tries == 1) {
			return fmt.Errorf("make the function %s: %w", c.name, err)
		}
		if err == nil {
			return c.active(ctx)
		}
		if err := c.pause(ctx, 3*time.Second); err != nil {
			return err
		}
	}
}

// active waits until the function can be invoked.
func (c *cloud) active(ctx context.Context) error {
	for {
		out, err := c.lambda.GetFunctionConfiguration(ctx, &lambdaapi.GetFunctionConfigurationInput{FunctionName: &c.name})
		switch {
		case err != nil:
			return fmt.Errorf("look at the function %s: %w", c.name, err)
		case out.State == lambdatypes.StateFailed || out.LastUpdateStatus == lambdatypes.LastUpdateStatusFailed:
			return fmt.Errorf("the function %s cannot run: %s%s", c.name, aws.ToString(out.StateReason), aws.ToString(out.LastUpdateStatusReason))
		case out.State == lambdatypes.StateActive && out.LastUpdateStatus != lambdatypes.LastUpdateStatusInProgress:
			return nil
		}
		if err := c.pause(ctx, poll); err != nil {
			return err
		}
	}
}

func (c *cloud) publish(ctx context.Context) (version string, err error) {
	out, err := c.lambda.PublishVersion(ctx, &lambdaapi.PublishVersionInput{FunctionName: &c.name})
	if err != nil {
		return "", fmt.Errorf("publish a version of %s: %w", c.name, err)
	}
	return aws.ToString(out.Version), nil
}

// change gives the function other code, as far as executions see: another variable.
func (c *cloud) change(ctx context.Context, code string) error {
	if _, err := c.lambda.UpdateFunctionConfiguration(ctx, &lambdaapi.UpdateFunctionConfigurationInput{
		FunctionName: &c.name, Environment: &lambdatypes.Environment{Variables: map[string]string{"CODE": code}},
	}); err != nil {
		return fmt.Errorf("change the function %s: %w", c.name, err)
	}
	return c.active(ctx)
}

// remove removes all that deploy makes, whatever of it is there, and says what it could not.
func (c *cloud) remove(ctx context.Context) error {
	group := c.logGroup()
	var errs []error
	for _, thing := range []struct {
		what   string
		remove func() error
	}{
		{"function " + c.name, func() error {
			_, err := c.lambda.DeleteFunction(ctx, &lambdaapi.DeleteFunctionInput{FunctionName: &c.name})
			return unless[*lambdatypes.ResourceNotFoundException](err)
		}},
		{"policy of the role " + c.name, func() error {
			_, err := c.roles.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &c.name, PolicyName: aws.String(policyName)})
			return unless[*iamtypes.NoSuchEntityException](err)
		}},
		{"role " + c.name, func() error {
			_, err := c.roles.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &c.name})
			return unless[*iamtypes.NoSuchEntityException](err)
		}},
		{"log group " + group, func() error {
			_, err := c.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &group})
			return unless[*logstypes.ResourceNotFoundException](err)
		}},
	} {
		if err := thing.remove(); err != nil {
			errs = append(errs, fmt.Errorf("remove the %s: %w; remove it by hand", thing.what, err))
		}
	}
	return errors.Join(errs...)
}

// unless returns err unless it is a T: what is to be removed is not there.
func unless[T error](err error) error {
	if _, ok := errors.AsType[T](err); ok {
		return nil
	}
	return err
}

// build builds the function for Lambda, and returns it as Lambda takes it.
func build(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "perdure-live-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is in the folder for temporary files
	binary := filepath.Join(dir, "bootstrap")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary, //nolint:gosec // a folder made here
		"github.com/perdure/perdure/replay/conformance/live/function")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the function, in a checkout of this project: %w\n%s", err, out)
	}
	program, err := os.ReadFile(binary) //nolint:gosec // it was built just now
	if err != nil {
		return nil, err
	}
	var zipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	w, err := z.CreateHeader(header)
	if err == nil {
		_, err = w.Write(program)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, err
	}
	return zipped.Bytes(), nil
}
