package cli_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// Whatever another program answers on the port of perdure dev, every command says that it is
// another program.
func TestAnotherProgramOnThePort(t *testing.T) {
	t.Parallel()
	say := func(status int, kind, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body)) // who is gone does not read
		})
	}
	servers := map[string]http.Handler{
		"a web site":                 say(http.StatusOK, "text/html", "<html>Welcome!</html>"),
		"a web site without a page":  http.NotFoundHandler(),
		"an API that answers":        say(http.StatusOK, "application/json", "{}"),
		"an API that refuses":        say(http.StatusBadRequest, "application/json", `{"message":"what?"}`),
		"an API that wants a token":  say(http.StatusUnauthorized, "application/json", `{"error":"who are you?"}`),
		"a server that fails":        say(http.StatusInternalServerError, "text/plain", "oops"),
		"a server without an answer": say(http.StatusNoContent, "", ""),
		"a server that hangs up":     http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
	}
	for name, handler := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			strange(t, server.URL)
		})
	}
	t.Run("no HTTP at all", func(t *testing.T) {
		t.Parallel()
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				c, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write([]byte("220 mail.example.com ESMTP\r\n")) // as above
				_ = c.Close()
			}
		}()
		strange(t, "http://"+listener.Addr().String())
	})
}

func strange(t *testing.T, url string) {
	t.Helper()
	s := newSite(t)
	for _, args := range []string{"list", "list order", "start order", "show A-1 -f order", "show A-1", "callback heartbeat ID", "stop A-1 -f order"} {
		got := s.run(append(strings.Fields(args), "--endpoint", url)...)
		if got.code != cli.ExitUnavailable || got.out != "" || !strings.Contains(got.err, ": another program answers at "+url+", not perdure dev; ") ||
			strings.Count(got.err, "\n") != 1 {
			t.Errorf("%s: %+v", args, got)
		}
	}
}
