package cli

import (
	"context"
	"encoding/json"
	"fmt"

	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/perdure/perdure/checkpoint"
	"github.com/spf13/cobra"
)

func (a *app) callback() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "callback",
		Short: "Answer a callback",
		Long:  `Answers a callback that an execution waits for; perdure show prints its ID.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("the answer is missing: succeed, fail or heartbeat; see %s --help", cmd.CommandPath())
		},
	}
	cmd.AddCommand(a.callbackSucceed(), a.callbackFail(), a.callbackHeartbeat())
	return cmd
}

func (a *app) callbackSucceed() *cobra.Command {
	var text, empty bool
	cmd := &cobra.Command{
		Use:   "succeed ID [RESULT]",
		Short: "Complete a callback with a result",
		Long: `Completes a callback with a result: JSON, @FILE or - for the standard input. No one but the
function knows what its callback can decode, and a result that has been sent cannot be taken back:
what is not JSON is refused. A callback of a string or of bytes takes any text as it stands, without
quotes; --text sends one. Without a result the callback has the zero value of its type, such as
false: that needs --empty.`,
		Example: `  perdure callback succeed YXJuOmF3… '{"approved":true}'
  perdure callback succeed YXJuOmF3… --text Ann`,
		Args: between(1, "ID", "RESULT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var result []byte
			switch {
			case empty && len(args) > 1:
				return usage("--empty sends no result; leave out %s, or --empty", cut(args[1], 60))
			case len(args) == 1 && !empty:
				return missing(cmd, "RESULT")
			case len(args) > 1:
				var err error
				if result, err = a.payload(args[1]); err != nil {
					return err
				}
				if !text && !json.Valid(result) {
					return usage("the result is no JSON: %s; give JSON of the type of the callback, such as '{\"approved\":true}'; "+
						"for a callback of a string, which takes it as it stands, add --text", cut(string(result), 60))
				}
			}
			return a.done(a.succeedCallback(cmd.Context(), args[0], result), "the callback has its result")
		},
	}
	cmd.Flags().BoolVar(&empty, "empty", false, "send no result: the callback has the zero value of its type")
	cmd.Flags().BoolVar(&text, "text", false, "send the result as it stands, for a callback of a string or of bytes")
	return cmd
}

func (a *app) callbackFail() *cobra.Command {
	var e errorFlags
	cmd := &cobra.Command{
		Use:     "fail ID",
		Short:   "Fail a callback with an error",
		Example: `  perdure callback fail YXJuOmF3… --type declined --message "too dear"`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.done(a.failCallbackWith(cmd.Context(), args[0], e.object()), "the callback has failed")
		},
	}
	e.add(cmd)
	return cmd
}

func (a *app) callbackHeartbeat() *cobra.Command {
	return &cobra.Command{
		Use:   "heartbeat ID",
		Short: "Say that a callback is still worked on",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.done(a.heartbeat(cmd.Context(), args[0]), "the heartbeat timeout begins again")
		},
	}
}

// succeedCallback completes a callback with a result.
func (a *app) succeedCallback(ctx context.Context, id string, result []byte) error {
	_, err := call(ctx, a, "complete callback "+id,
		func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.SendDurableExecutionCallbackSuccessOutput, error) {
			return c.SendDurableExecutionCallbackSuccess(ctx, &lambdaapi.SendDurableExecutionCallbackSuccessInput{
				CallbackId: &id, Result: result,
			})
		})
	return err
}

func (a *app) failCallback(ctx context.Context, id string, f checkpoint.Failure) error {
	return a.failCallbackWith(ctx, id, errorFlagsOf(f).object())
}

// failCallbackWith fails a callback with an error, which may be nil.
func (a *app) failCallbackWith(ctx context.Context, id string, failure *lambdatypes.ErrorObject) error {
	_, err := call(ctx, a, "fail callback "+id,
		func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.SendDurableExecutionCallbackFailureOutput, error) {
			return c.SendDurableExecutionCallbackFailure(ctx, &lambdaapi.SendDurableExecutionCallbackFailureInput{
				CallbackId: &id, Error: failure,
			})
		})
	return err
}

// heartbeat says that a callback is still worked on.
func (a *app) heartbeat(ctx context.Context, id string) error {
	_, err := call(ctx, a, "heartbeat of callback "+id,
		func(ctx context.Context, c *lambdaapi.Client) (*lambdaapi.SendDurableExecutionCallbackHeartbeatOutput, error) {
			return c.SendDurableExecutionCallbackHeartbeat(ctx, &lambdaapi.SendDurableExecutionCallbackHeartbeatInput{CallbackId: &id})
		})
	return err
}

// done says what has been done, unless there is an error.
func (a *app) done(err error, what string) error {
	if err == nil {
		fmt.Fprintln(a.Err, what)
	}
	return err
}

// errorFlags are the members of an error.
type errorFlags struct{ kind, message, data string }

func (e *errorFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&e.kind, "type", "", "type of the error, such as the name it is registered with")
	cmd.Flags().StringVarP(&e.message, "message", "m", "", "what has gone wrong, for people")
	cmd.Flags().StringVar(&e.data, "data", "", "further data, for programs")
}

func (e *errorFlags) object() *lambdatypes.ErrorObject {
	if *e == (errorFlags{}) {
		return nil
	}
	return &lambdatypes.ErrorObject{ErrorType: optional(e.kind), ErrorMessage: optional(e.message), ErrorData: optional(e.data)}
}
