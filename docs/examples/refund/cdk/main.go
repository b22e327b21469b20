// Command cdk is the stack of complete.yaml in the AWS Cloud Development Kit. In this folder, with
// Node.js, and with bin/bootstrap built in the folder above:
//
//	npx aws-cdk deploy --app "go run ." --parameters Email=ann@example.com
package main

import (
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/cloudformationinclude"
	"github.com/aws/jsii-runtime-go"
)

// name is that of the function. A policy of its own role names it: without that there is a circle.
const name = "refund"

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	code := "../bin" // BIN is another folder that has the binary bootstrap
	if dir := os.Getenv("BIN"); dir != "" {
		code = dir
	}
	refund(awscdk.NewStack(app, jsii.String("refund"), nil), code)
	app.Synth(nil)
}

// refund declares the function with all that it has in production.
func refund(stack awscdk.Stack, code string) {
	key := awskms.NewKey(stack, jsii.String("Key"), &awskms.KeyProps{
		Description: jsii.String("Payloads of refund's executions, and alarms."), EnableKeyRotation: jsii.Bool(true),
	})
	services := []awsiam.IPrincipal{
		awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil),
		awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil),
	}
	alerts := awssns.NewTopic(stack, jsii.String("Alerts"), &awssns.TopicProps{MasterKey: key})
	for _, s := range services {
		key.GrantEncryptDecrypt(s)
		alerts.GrantPublish(s)
	}
	email := awscdk.NewCfnParameter(stack, jsii.String("Email"), &awscdk.CfnParameterProps{Description: jsii.String("Where alarms are sent to.")})
	alerts.AddSubscription(awssnssubscriptions.NewEmailSubscription(email.ValueAsString(), nil))

	// The log group with its retention, the alarms, and the queue of lost events.
	alarms := cloudformationinclude.NewCfnInclude(stack, jsii.String("Alarms"), &cloudformationinclude.CfnIncludeProps{
		TemplateFile: jsii.String("../alarms.yaml"),
		Parameters: &map[string]any{
			"FunctionName": name, "RetentionInDays": 30, "AlertsTopic": *alerts.TopicArn(),
		},
	})
	group := alarms.GetResource(jsii.String("LogGroup"))
	queue := alarms.GetResource(jsii.String("LostEvents"))

	function := awslambda.NewFunction(stack, jsii.String("Refund"), &awslambda.FunctionProps{
		FunctionName: jsii.String(name),
		Code:         awslambda.Code_FromAsset(jsii.String(code), nil),
		Handler:      jsii.String("bootstrap"),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: awslambda.Architecture_ARM_64(),
		MemorySize:   jsii.Number(256),
		Timeout:      awscdk.Duration_Seconds(jsii.Number(60)),
		DurableConfig: &awslambda.DurableConfig{
			ExecutionTimeout: awscdk.Duration_Days(jsii.Number(30)), RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
		},
		LogGroup:              awslogs.LogGroup_FromLogGroupName(stack, jsii.String("Logs"), group.Ref()),
		LoggingFormat:         awslambda.LoggingFormat_JSON,
		ApplicationLogLevelV2: awslambda.ApplicationLogLevel_INFO,
		SystemLogLevelV2:      awslambda.SystemLogLevel_INFO,
		DeadLetterQueue:       awssqs.Queue_FromQueueArn(stack, jsii.String("Lost"), queue.GetAtt(jsii.String("Arn"), awscdk.ResolutionTypeHint_STRING).ToString()),
	})
	// The construct has no property for the key yet.
	cfn := function.Node().DefaultChild().(awslambda.CfnFunction)
	cfn.AddPropertyOverride(jsii.String("DurableConfig.KMSKeyArn"), key.KeyArn())
	key.GrantEncryptDecrypt(function)
	function.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(
			"lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState",
			"lambda:PauseDurableExecution", // for replay.DivergenceHold
		),
		Resources: jsii.Strings(*stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("lambda"), Resource: jsii.String("function"), ResourceName: jsii.String(name + ":*"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		})),
	}))
	alias := function.AddAlias(jsii.String("live"), nil) // a version for each change of the code
	dashboard(stack)
	awscdk.NewCfnOutput(stack, jsii.String("Alias"), &awscdk.CfnOutputProps{
		Description: jsii.String("What to start executions of."), Value: alias.FunctionArn(),
	})
}

// dashboard shows what the function does, and what alarms count.
func dashboard(stack awscdk.Stack) {
	metrics := func(title, namespace, stat string, names ...string) awscloudwatch.IWidget {
		var left []awscloudwatch.IMetric
		for _, n := range names {
			props := &awscloudwatch.MetricProps{Namespace: jsii.String(namespace), MetricName: jsii.String(n), Statistic: jsii.String(stat)}
			if namespace == "AWS/Lambda" {
				props.DimensionsMap = &map[string]*string{"FunctionName": jsii.String(name)}
			}
			left = append(left, awscloudwatch.NewMetric(props))
		}
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: jsii.String(title), Width: jsii.Number(12), Left: &left})
	}
	d := awscloudwatch.NewDashboard(stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{DashboardName: jsii.String(name)})
	d.AddWidgets(
		metrics("Invocations", "AWS/Lambda", "Sum", "Invocations", "Errors", "Throttles"),
		metrics("Duration of invocations", "AWS/Lambda", "p99", "Duration"),
		metrics("Executions that need someone", "Perdure", "Sum", name+"-Held", name+"-CutOff", name+"-NearlyFull", name+"-Blocks"),
		awscloudwatch.NewLogQueryWidget(&awscloudwatch.LogQueryWidgetProps{
			Title: jsii.String("What has failed"), Width: jsii.Number(12), LogGroupNames: jsii.Strings("/aws/lambda/" + name),
			QueryLines: jsii.Strings(
				"fields @timestamp, level, message, operationName, errorType, errorMessage, executionArn",
				"filter level in ['WARN', 'ERROR', 'FATAL']", "sort @timestamp desc", "limit 50",
			),
		}),
	)
}
