package lambdaapi

import (
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/internal/api"
	"github.com/perdure/perdure/internal/limits"
)

// durableConfig is how a function is durable (Lambda API, DurableConfig). The service keeps
// executions for as long as its store does.
type durableConfig struct {
	ExecutionTimeout int64 `json:"ExecutionTimeout,omitempty"`
}

// durableConfigOf shows the longest timeout if there is none, as the history does.
func durableConfigOf(timeout time.Duration) *durableConfig {
	if timeout == 0 {
		timeout = limits.Duration
	}
	return &durableConfig{ExecutionTimeout: api.WholeSeconds(timeout)}
}

// functionConfiguration is a hosted function (Lambda API, FunctionConfiguration).
type functionConfiguration struct {
	Name    string         `json:"FunctionName"`
	ARN     string         `json:"FunctionArn"`
	Version string         `json:"Version"`
	Timeout int64          `json:"Timeout,omitempty"`
	Durable *durableConfig `json:"DurableConfig,omitempty"`
}

func configurationOf(f local.Function) functionConfiguration {
	c := functionConfiguration{Name: f.Name, ARN: f.ARN, Version: f.Version, Timeout: api.WholeSeconds(f.FunctionTimeout)}
	if !f.Plain {
		c.Durable = durableConfigOf(f.ExecutionTimeout)
	}
	return c
}

// functionOf reads the name of a function, whose qualifier may stand apart.
func functionOf(name, qualifier string) (api.Function, error) {
	fn, err := api.ParseFunction(name)
	switch {
	case err != nil:
		return fn, notValid("functionName", name, "Member must be the name or the ARN of a function")
	case qualifier == "":
		return fn, nil
	case !api.Matches(qualifier, limits.Qualifier, api.IsQualifierByte):
		return fn, notValid("qualifier", qualifier, "Member must have 1 to 128 of [a-zA-Z0-9$_.-]")
	case fn.Qualifier != "" && fn.Qualifier != qualifier:
		return fn, refused("The derived qualifier from the function name does not match the specified qualifier.")
	}
	fn.Qualifier = qualifier
	return fn, nil
}

// hosted finds the function that a request is about, and the name that the request has for it.
func (f *front) hosted(r request) (local.Function, api.Function, error) {
	fn, err := functionOf(r.labels[0], r.URL.Query().Get("Qualifier"))
	if err != nil {
		return local.Function{}, fn, err
	}
	name := fn.Unqualified()
	if fn.Qualifier != "" {
		name = fn.Qualified()
	}
	h, err := f.svc.Function(name)
	return h, fn, err
}

// function serves GetFunction.
func (f *front) function(r request) (any, error) {
	h, _, err := f.hosted(r)
	if err != nil {
		return nil, err
	}
	return struct{ Configuration functionConfiguration }{configurationOf(h)}, nil
}

// functionConfiguration serves GetFunctionConfiguration.
func (f *front) functionConfiguration(r request) (any, error) {
	h, _, err := f.hosted(r)
	if err != nil {
		return nil, err
	}
	return configurationOf(h), nil
}

// listFunctions serves ListFunctions, on one page.
func (f *front) listFunctions(request) (any, error) {
	all := []functionConfiguration{}
	for _, h := range f.svc.Functions() {
		all = append(all, configurationOf(h))
	}
	return struct{ Functions []functionConfiguration }{all}, nil
}
