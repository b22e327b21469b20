package awsfault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/awsfault"
)

func TestMark(t *testing.T) {
	t.Parallel()

	answer := func(code string, status int) error {
		return &smithy.OperationError{ServiceID: "S3", OperationName: "GetObject", Err: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
			Err:      &smithy.GenericAPIError{Code: code, Message: "no"},
		}}
	}

	tests := []struct {
		reason string
		err    error
		want   bool
	}{
		{reason: "credentials that have expired are renewed", err: answer("ExpiredToken", 400), want: true},
		{reason: "so is a session that was revoked, or whose key is not known any more", err: answer("InvalidToken", 400), want: true},
		{reason: "as MinIO calls it", err: answer("InvalidTokenId", 403), want: true},
		{reason: "permissions take time to arrive", err: answer("AccessDenied", 403), want: true},
		{reason: "too many calls", err: answer("SlowDown", 503), want: true},
		{reason: "the same by status alone", err: answer("Busy", 429), want: true},
		{reason: "the service is broken", err: answer("InternalError", 500), want: true},
		{reason: "a call that makes no sense", err: answer("InvalidArgument", 400)},
		{reason: "what the caller says is for good, whatever the status", err: answer("Gone", 503)},
		{reason: "a status without a body", err: fmt.Errorf("%w", answer("", 502)), want: true},
		{reason: "no answer", err: errors.New("dial tcp: connection refused"), want: true},
		{reason: "the invocation ended", err: context.Canceled, want: true},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			got := awsfault.Mark(tt.err, "Gone")
			if codec.IsTransient(got) != tt.want || !errors.Is(got, tt.err) {
				t.Errorf("Mark(%v) is transient: %v, want %v", tt.err, codec.IsTransient(got), tt.want)
			}
		})
	}

	if err := awsfault.Mark(nil); err != nil {
		t.Errorf("Mark(nil) = %v, want nil", err)
	}
}
