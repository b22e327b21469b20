package local

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/checkpoint/local/internal/api"
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
	api.Function
	handler Handler
	hostConfig
}

// hostConfig is how a function is run.
type hostConfig struct {
	plain            bool
	functionTimeout  time.Duration
	executionTimeout time.Duration
}

// Host makes h the function with this name: "name", "name:qualifier", or an ARN. A function hosted
// without a qualifier answers for every qualifier that has no host of its own. Hosting a name
// again replaces the function from the next invocation on, running executions included. Executions
// that an earlier service has left unfinished go on when their function is hosted.
//
// The function is durable unless [WithPlainFunction] is given. The error says that the name is not
// that of a function, or that h is nil.
func (s *Service) Host(function string, h Handler, opts ...HostOption) error {
	f, err := api.ParseFunction(function)
	if err != nil {
		return err
	}
	if h == nil {
		return fmt.Errorf("local: host %s: the handler is nil", function)
	}
	c := s.hostConfig
	for _, o := range opts {
		o.applyHost(&c)
	}
	s.mu.Lock()
	s.hosts[hostKey(f)] = hosted{Function: f, handler: h, hostConfig: c}
	start := s.adopt()
	s.mu.Unlock()
	for _, f := range start {
		f()
	}
	return nil
}

func (s *Service) unhost(function string) {
	f, err := api.ParseFunction(function)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hosts, hostKey(f))
}

// hostKey ignores region and account: a name may be given with or without them.
func hostKey(f api.Function) string { return f.Name + ":" + f.Qualifier }

// resolve finds the host of a function. What it returns has the qualifier that was asked for.
// The service's mutex is held.
func (s *Service) resolve(function string) (hosted, error) {
	f, err := api.ParseFunction(function)
	if err != nil {
		return hosted{}, err
	}
	if h, ok := s.hosts[hostKey(f)]; ok {
		return h, nil
	}
	if h, ok := s.hosts[f.Name+":"]; ok {
		h.Qualifier = f.Qualifier
		return h, nil
	}
	if f.Qualifier == "" {
		if h, ok := s.hosts[f.Name+":"+api.Latest]; ok {
			return h, nil
		}
		if h, ok := s.onlyVersion(f.Name); ok {
			return h, nil
		}
	}
	return hosted{}, fmt.Errorf("local: %w: %s", ErrNoFunction, function)
}

// target finds the host of a function, if there is one.
func (s *Service) target(function string) (hosted, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.resolve(function)
	return h, err == nil
}

// known is [ErrNoFunction] if a function neither is hosted in any version nor has executions.
func (s *Service) known(function string) error {
	f, err := api.ParseFunction(function)
	if err != nil {
		return err
	}
	s.mu.Lock()
	for key := range s.hosts {
		if strings.HasPrefix(key, f.Name+":") {
			s.mu.Unlock()
			return nil
		}
	}
	s.mu.Unlock()
	some, err := s.store.List(Query{Function: f.Unqualified(), Limit: 1})
	if err == nil && len(some) == 0 {
		return fmt.Errorf("local: %w: %s", ErrNoFunction, function)
	}
	return err
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

// Function is a hosted function, as [Service.Function] finds it.
type Function struct {
	// Name has neither region and account nor a qualifier.
	Name string
	// ARN ends with the qualifier that was asked for, or that the function is hosted with, if there
	// is one.
	ARN string
	// Version is the qualifier if that is a version, "$LATEST" for an alias and if there is none.
	Version string
	// Plain says that the function is not durable: see [WithPlainFunction].
	Plain bool
	// FunctionTimeout limits an invocation, ExecutionTimeout an execution; zero means no limit.
	FunctionTimeout, ExecutionTimeout time.Duration
}

// shown is the function as others see it.
func (h hosted) shown() Function {
	f := Function{
		Name: h.Name, ARN: h.Unqualified(), Version: h.Version(),
		Plain: h.plain, FunctionTimeout: h.functionTimeout, ExecutionTimeout: h.executionTimeout,
	}
	if h.Qualifier != "" {
		f.ARN = h.Qualified()
	}
	return f
}

// Function returns the function that an execution started under this name would run. The error says
// that the text is not the name of a function, or is [ErrNoFunction].
func (s *Service) Function(name string) (Function, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.resolve(name)
	if err != nil {
		return Function{}, err
	}
	return h.shown(), nil
}

// Functions returns all functions that are hosted, by ARN.
func (s *Service) Functions() []Function {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Function, 0, len(s.hosts))
	for _, h := range s.hosts {
		all = append(all, h.shown())
	}
	slices.SortFunc(all, func(a, b Function) int { return strings.Compare(a.ARN, b.ARN) })
	return all
}
