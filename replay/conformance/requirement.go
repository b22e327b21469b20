package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Requirement is one file of requirements.
type Requirement struct {
	// Suite and ID are the names of the file's folder and of the file.
	Suite string `yaml:"-"`
	ID    string `yaml:"-"`
	// Err is why the file cannot be read, or is not understood; the requirement is not met then.
	Err error `yaml:"-"`

	Description string `yaml:"description"`
	// Handler and Invocations say to people what the function does.
	Handler     string `yaml:"handler"`
	Invocations string `yaml:"invocations"`
	// Optional says that a failure is no reason to reject an implementation.
	Optional bool `yaml:"optional"`
	// Async is documentation; AsyncInvoke says that no one waits for the function.
	Async       bool   `yaml:"async"`
	AsyncInvoke bool   `yaml:"AsyncInvoke"`
	AsyncConfig Object `yaml:"AsyncConfig"`

	Variables Object    `yaml:"Variables"`
	Input     yaml.Node `yaml:"Input"`
	Result    *Result   `yaml:"ExpectedResult"`
	History   []Object  `yaml:"ExpectedExecutionHistory"`
	Actions   []Action  `yaml:"CallbackActions"`
	Logs      []Line    `yaml:"ExpectedLogs"`

	// Retries is documentation.
	Retries Object `yaml:"DefaultRetryParameters"`
	// Telemetry are the demands on spans and records, ExecutionTelemetry those on the spans of the
	// same function in the view Executions; nil without any.
	Telemetry          *Assertions `yaml:"TelemetryAssertions"`
	ExecutionTelemetry *Assertions `yaml:"ExecutionTelemetryAssertions"`
}

// lastEvent returns the ID of the last event that the requirement lists.
func (q *Requirement) lastEvent() (last int) {
	for _, w := range q.History {
		last = max(last, eventID(w))
	}
	return last
}

// Result is how an execution must end.
type Result struct {
	Status string `yaml:"ExecutionStatus"`
	// Error is the error of an execution that failed: the members of the event that ends its
	// history.
	Error Object `yaml:"Error"`
	// Value is compared only if the file has it; null is a value.
	Value yaml.Node `yaml:"Result"`
}

// Action is how an outside system answers a callback.
type Action struct {
	// Callback is the name of the callback, ${/pattern/} one that has the pattern, and "*" any.
	Callback string `yaml:"CallbackName"`
	// Operation is success, failure or heartbeat.
	Operation string    `yaml:"Operation"`
	Payload   yaml.Node `yaml:"Payload"`
	// Delay is the time since the callback was created, or the callback before it was answered, in
	// seconds.
	Delay float64 `yaml:"Delay"`
}

// Line is a demand on the lines that a function has logged.
type Line struct {
	// Match has the fields of the lines it is about.
	Match Object `yaml:"match"`
	// Count is how many there are; with it, Min and Max do not count. Without any of the three
	// there is at least one.
	Count *int `yaml:"count"`
	Min   *int `yaml:"min_count"`
	Max   *int `yaml:"max_count"`
	// Before and After have the fields of other lines: all of these lines come not after, or not
	// before, all of those.
	Before Anchors `yaml:"before"`
	After  Anchors `yaml:"after"`
}

// Anchors are the fields of lines that others come before or after: one mapping, or a list of them.
type Anchors []Object

// UnmarshalYAML implements [yaml.Unmarshaler].
func (a *Anchors) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]Object)(a))
	}
	*a = make([]Object, 1)
	return n.Decode(&(*a)[0])
}

// Read reads a requirement. A field that is not known is an error: it could be a demand.
func Read(r io.Reader) (*Requirement, error) {
	var q Requirement
	d := yaml.NewDecoder(r)
	d.KnownFields(true)
	if err := d.Decode(&q); err != nil {
		return nil, fmt.Errorf("conformance: read a requirement: %w", err)
	}
	if err := q.resolve(); err != nil {
		return nil, fmt.Errorf("conformance: read a requirement: %w", err)
	}
	for i := range q.History {
		if eventID(q.History[i]) < 1 {
			return nil, fmt.Errorf("conformance: event %d of the expected history has no EventId", i)
		}
	}
	for i, l := range q.Logs {
		for _, fields := range slices.Concat([]Object{l.Match}, l.Before, l.After) {
			if len(fields) == 0 {
				return nil, fmt.Errorf("conformance: demand %d on the log, or a line that it comes before or after, has no fields", i)
			}
		}
	}
	for i := range q.Actions {
		q.Actions[i].Operation = strings.ToLower(q.Actions[i].Operation)
		if err := q.Actions[i].check(); err != nil {
			return nil, err
		}
	}
	return &q, nil
}

// resolve replaces the aliases in values that are kept as they are written.
func (q *Requirement) resolve() error {
	nodes := []*yaml.Node{&q.Input}
	if q.Result != nil {
		nodes = append(nodes, &q.Result.Value)
	}
	for i := range q.Actions {
		nodes = append(nodes, &q.Actions[i].Payload)
	}
	for _, n := range nodes {
		plain, err := withoutAliases(n)
		if err != nil {
			return err
		}
		*n = *plain
	}
	return nil
}

// ReadAll reads the requirements of directories: a folder for each suite, which may be in a folder
// of suites. They are in the order of their IDs. A file that cannot be read, or asks for something
// that is not known, is a requirement with an Err: it spoils no other one.
func ReadAll(dirs ...fs.FS) ([]*Requirement, error) {
	var all []*Requirement
	for i, dir := range dirs {
		before := len(all)
		for _, depth := range []string{"*/*.yaml", "*/*/*.yaml"} {
			files, err := fs.Glob(dir, depth)
			if err != nil {
				return nil, err
			}
			for _, name := range files {
				all = append(all, readFile(dir, name))
			}
		}
		if len(all) == before {
			return nil, fmt.Errorf("conformance: directory %d holds no requirements: want <suite>/<id>.yaml", i+1)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("conformance: there is no directory of requirements")
	}
	slices.SortStableFunc(all, func(a, b *Requirement) int { return compareIDs(a.ID, b.ID) })
	return all, nil
}

func readFile(dir fs.FS, name string) *Requirement {
	q := &Requirement{}
	text, err := fs.ReadFile(dir, name)
	if err == nil {
		var read *Requirement
		if read, err = Read(bytes.NewReader(text)); err == nil {
			q = read
		}
	}
	if err != nil {
		q.Err = fmt.Errorf("%s: %w", name, err)
	}
	q.Suite, q.ID = path.Base(path.Dir(name)), strings.TrimSuffix(path.Base(name), ".yaml")
	return q
}

// compareIDs orders 2-1 before 10-1.
func compareIDs(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "-"), strings.Split(b, "-"), func(a, b string) int {
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		if errX != nil || errY != nil {
			return strings.Compare(a, b)
		}
		return x - y
	})
}
