package local

import (
	"context"
	"fmt"
	"strings"
)

// Handler is a function: what a replay.Function and a lambda.Handler are.
type Handler interface {
	// Invoke is given an event and returns the answer. Calls of different executions overlap.
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// HandlerFunc makes a [Handler] of a function.
type HandlerFunc func(ctx context.Context, payload []byte) ([]byte, error)

// Invoke calls f.
func (f HandlerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

// hosted is a function that the service can invoke.
type hosted struct {
	functionName
	handler Handler
	plain   bool
}

// Host makes h the durable function with this name: "name", "name:qualifier", or an ARN. A
// function hosted without a qualifier answers for every qualifier that has no host of its own.
// Hosting a name again replaces the function from the next invocation on, running executions
// included. It fails if the name is not that of a function.
func (s *Service) Host(function string, h Handler) error { return s.host(function, h, false) }

// HostPlain makes h the function with this name, like [Service.Host], but not a durable one: it is
// given the payload itself and its answer is the result. It is invoked once and not repeated.
func (s *Service) HostPlain(function string, h Handler) error { return s.host(function, h, true) }

func (s *Service) host(function string, h Handler, plain bool) error {
	f, err := parseFunction(function)
	if err != nil {
		return err
	}
	if h == nil {
		return fmt.Errorf("local: host %s: the handler is nil", function)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts[hostKey(f)] = hosted{functionName: f, handler: h, plain: plain}
	return nil
}

func (s *Service) unhost(function string) {
	f, err := parseFunction(function)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hosts, hostKey(f))
}

// hostKey ignores region and account: a name may be given with or without them.
func hostKey(f functionName) string { return f.name + ":" + f.qualifier }

// resolve finds the host of a function. What it returns has the qualifier that was asked for.
// The service's mutex is held.
func (s *Service) resolve(function string) (hosted, error) {
	f, err := parseFunction(function)
	if err != nil {
		return hosted{}, err
	}
	if h, ok := s.hosts[hostKey(f)]; ok {
		return h, nil
	}
	if h, ok := s.hosts[f.name+":"]; ok {
		h.qualifier = f.qualifier
		return h, nil
	}
	if f.qualifier == "" {
		if h, ok := s.hosts[f.name+":"+latest]; ok {
			return h, nil
		}
		if h, ok := s.onlyVersion(f.name); ok {
			return h, nil
		}
	}
	return hosted{}, fmt.Errorf("local: %w: %s", ErrNoFunction, function)
}

// onlyVersion returns the host of a function of which only one version is hosted.
func (s *Service) onlyVersion(name string) (only hosted, ok bool) {
	for key, h := range s.hosts {
		if !strings.HasPrefix(key, name+":") {
			continue
		}
		if ok {
			return hosted{}, false
		}
		only, ok = h, true
	}
	return only, ok
}
