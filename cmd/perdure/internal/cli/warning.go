package cli

import (
	"fmt"
	"strconv"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// warn prints the warnings of a response: what the local service accepts and AWS refuses.
func (a *app) warn(response middleware.Metadata) {
	res, ok := awsmiddleware.GetRawResponse(response).(*smithyhttp.Response)
	if !ok {
		return
	}
	for _, warning := range res.Header.Values("Warning") {
		text := warning // RFC 7234, 5.5: a code, who warns, and a text in quotes
		if _, quoted, ok := strings.Cut(warning, `"`); ok {
			if plain, err := strconv.Unquote(`"` + quoted); err == nil {
				text = plain
			}
		}
		fmt.Fprintln(a.Err, "warning: "+text)
	}
}
