package cli

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// longestHold is how long a call waits for the first build of its function: less than clients wait
// for an answer.
const longestHold = 20 * time.Second

// whileBuilding has a call of a function that is built for the first time wait for that. It returns
// what answers the call if the function is not there after that, nil if the service answers.
func (s *site) whileBuilding(r *http.Request, most time.Duration) func(http.ResponseWriter) {
	f := s.named(r.URL)
	if f == nil || f.hosted.Load() {
		return nil
	}
	timer := time.NewTimer(most) //nolint:forbidigo // no replay depends on it
	defer timer.Stop()
	select {
	case <-f.first:
		if f.hosted.Load() {
			return nil
		}
		return refusing(http.StatusNotFound, "ResourceNotFoundException",
			fmt.Sprintf("function %s is not built: its code does not compile; perdure dev prints why", f.name))
	case <-timer.C:
	case <-r.Context().Done():
	}
	return refusing(http.StatusServiceUnavailable, "ServiceException",
		fmt.Sprintf("function %s is being built for the first time: try again in a moment", f.name))
}

// named returns the function that the path of a call names, nil if it is none of this program's.
func (s *site) named(address *url.URL) *function {
	_, rest, ok := strings.Cut(address.EscapedPath(), "/functions/")
	if !ok {
		return nil
	}
	text, _, _ := strings.Cut(rest, "/")
	name, err := url.PathUnescape(text)
	if err != nil {
		return nil // the service refuses it
	}
	if _, after, ok := strings.Cut(name, "function:"); ok { // an ARN, whole or in part
		name = after
	}
	name, _, _ = strings.Cut(name, ":")
	for _, f := range s.functions {
		if f.name == name {
			return f
		}
	}
	return nil
}

// refusing answers as the API refuses a call.
func refusing(status int, code, message string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-RequestId", rand.Text()) // by which clients know the service
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(status)
		// A client that is gone reads no answer.
		_ = json.NewEncoder(w).Encode(map[string]string{"Type": "User", "message": message})
	}
}
