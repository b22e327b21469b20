package local

import (
	"slices"
	"strings"
	"time"
)

// durableConfig is how a function is durable (Lambda API, DurableConfig). The service keeps
// executions for as long as its store does.
type durableConfig struct {
	ExecutionTimeout int64 `json:"ExecutionTimeout,omitempty"`
}

// durableConfigOf shows the longest timeout if there is none, as the history does.
func durableConfigOf(timeout time.Duration) *durableConfig {
	if timeout == 0 {
		timeout = longest
	}
	return &durableConfig{ExecutionTimeout: wholeSeconds(timeout)}
}

// functionConfiguration is a hosted function (Lambda API, FunctionConfiguration).
type functionConfiguration struct {
	Name    string         `json:"FunctionName"`
	ARN     string         `json:"FunctionArn"`
	Version string         `json:"Version"`
	Timeout int64          `json:"Timeout,omitempty"`
	Durable *durableConfig `json:"DurableConfig,omitempty"`
}

func configurationOf(h hosted) functionConfiguration {
	c := functionConfiguration{
		Name: h.name, ARN: h.unqualified(), Version: h.version(), Timeout: wholeSeconds(h.functionTimeout),
	}
	if h.qualifier != "" {
		c.ARN = h.qualified()
	}
	if !h.plain {
		c.Durable = durableConfigOf(h.executionTimeout)
	}
	return c
}

// functionOf reads the name of a function, whose qualifier may stand apart.
func (f *front) functionOf(name, qualifier string) (functionName, error) {
	fn, err := parseFunction(name)
	switch {
	case err != nil:
		return fn, notValid("functionName", name, "Member must be the name or the ARN of a function")
	case qualifier == "":
		return fn, nil
	case !matches(qualifier, 128, isQualifierByte):
		return fn, notValid("qualifier", qualifier, "Member must have 1 to 128 of [a-zA-Z0-9$_.-]")
	case fn.qualifier != "" && fn.qualifier != qualifier:
		return fn, refuseCall("", "The derived qualifier from the function name does not match the specified qualifier.")
	}
	fn.qualifier = qualifier
	return fn, nil
}

// hosted finds the function that a request is about.
func (f *front) hosted(r request) (hosted, error) {
	fn, err := f.functionOf(r.labels[0], r.URL.Query().Get("Qualifier"))
	if err != nil {
		return hosted{}, err
	}
	name := fn.unqualified()
	if fn.qualifier != "" {
		name = fn.qualified()
	}
	f.svc.mu.Lock()
	defer f.svc.mu.Unlock()
	return f.svc.resolve(name)
}

// function serves GetFunction.
func (f *front) function(r request) (any, error) {
	h, err := f.hosted(r)
	if err != nil {
		return nil, err
	}
	return struct{ Configuration functionConfiguration }{configurationOf(h)}, nil
}

// functionConfiguration serves GetFunctionConfiguration.
func (f *front) functionConfiguration(r request) (any, error) {
	h, err := f.hosted(r)
	if err != nil {
		return nil, err
	}
	return configurationOf(h), nil
}

// listFunctions serves ListFunctions, on one page.
func (f *front) listFunctions(request) (any, error) {
	f.svc.mu.Lock()
	defer f.svc.mu.Unlock()
	all := []functionConfiguration{}
	for _, h := range f.svc.hosts {
		all = append(all, configurationOf(h))
	}
	slices.SortFunc(all, func(a, b functionConfiguration) int { return strings.Compare(a.ARN, b.ARN) })
	return struct{ Functions []functionConfiguration }{all}, nil
}
