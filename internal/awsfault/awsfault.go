// Package awsfault decides which failures of AWS services pass.
package awsfault

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/aws/smithy-go"

	"github.com/perdure/perdure/codec"
)

// Mark returns err marked as transient or permanent, by these rules:
//
//   - If the service has answered with one of the codes in final, it is permanent.
//   - Otherwise, if it has answered with a code for credentials that have expired or are not known
//     yet, for a call that is not allowed, or for too many calls, it is transient: credentials are
//     renewed and permissions take time to arrive.
//   - Otherwise, if the HTTP status is 408, 429, or 500 and above, it is transient.
//   - Otherwise, if the service has answered, it is permanent.
//   - Otherwise it is transient: the service could not be reached, or there were no credentials.
//
// Mark(nil) is nil.
func Mark(err error, final ...string) error {
	var (
		api    smithy.APIError
		status interface{ HTTPStatusCode() int }
	)

	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return codec.Transient(err)
	case errors.As(err, &api) && slices.Contains(final, api.ErrorCode()):
		return codec.Permanent(err)
	case api != nil && passes(api.ErrorCode()):
		return codec.Transient(err)
	case errors.As(err, &status) && passesStatus(status.HTTPStatusCode()):
		return codec.Transient(err)
	case api != nil:
		return codec.Permanent(err)
	}

	return codec.Transient(err)
}

func passes(code string) bool {
	switch code {
	case "AccessDenied", "AccessDeniedException", "Forbidden", "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired",
		"InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken", "InvalidTokenId", "UnrecognizedClientException", "RequestTimeTooSkewed", "RequestExpired",
		"SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded",
		"RequestTimeout", "RequestTimeoutException":
		return true
	}

	return false
}

func passesStatus(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}
