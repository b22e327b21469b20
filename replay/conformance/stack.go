package conformance

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/local/process"
	"github.com/perdure/perdure/replay/replayotel"

	"github.com/perdure/perdure/replay/conformance/handlers"
)

// Stack is what the published runner deploys and then talks to, without AWS: all functions of the
// table in processes of their own, the Lambda API, and as much of CloudFormation and CloudWatch
// Logs as the runner asks for (ListStackResources, DescribeStackResource, DeleteStack and
// FilterLogEvents), and the spans that functions export as objects of S3 (ListObjectsV2 and
// GetObject): see [SpansBucket]. It is an [http.Handler] for all of them at one endpoint. Close it.
type Stack struct {
	service   *local.Service
	front     http.Handler
	functions []*process.Function
	spans     objects

	mu    sync.Mutex
	lines map[string][]logEvent // by function
}

// NewStack hosts the functions. endpoint is the URL at which the stack will be served, program
// the path of one whose main function calls [Main], counters a folder for what outlives the
// processes, and view that in which functions are traced that other traced ones call.
func NewStack(endpoint, program, counters string, view replayotel.View) (*Stack, error) {
	s := &Stack{service: local.New(), lines: make(map[string][]logEvent)}
	s.front = lambdaapi.Handler(s.service)
	names := targets(view)
	for _, id := range requirementIDs() {
		names = append(names, physicalID(id))
	}
	for _, name := range names {
		f, err := process.New(program,
			process.WithEndpoint(endpoint), process.WithOutput(func(l process.Line) { s.take(name, l) }),
			process.WithEnv(functionKey+"="+strings.TrimPrefix(name, physicalPrefix), countersKey+"="+counters,
				spansKey+"="+endpoint+spansPath, viewKey+"="+view.String()))
		if err == nil {
			s.functions = append(s.functions, f)
			if id, ok := strings.CutPrefix(name, physicalPrefix); ok {
				hosted, opts := traced(id, f)
				err = s.service.Host(name, hosted, opts...)
			} else {
				err = s.service.Host(name, target{f})
			}
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close stops the service and ends all processes.
func (s *Stack) Close() error {
	err := s.service.Close()
	for _, f := range s.functions {
		err = errors.Join(err, f.Close())
	}
	return err
}

func requirementIDs() []string {
	ids := slices.Collect(maps.Keys(handlers.Table(handlers.World{})))
	slices.SortFunc(ids, compareIDs)
	return ids
}

const physicalPrefix = "requirement-"

func physicalID(id string) string { return physicalPrefix + id }

// logicalID returns the name of a function in a template, which has letters and digits only.
func logicalID(id string) string { return "Requirement" + strings.ReplaceAll(id, "-", "x") }

// Template returns a template of the stack, in the form that the runner reads: it says which
// function is for which requirement. only says which requirements it has; nil stands for all.
func Template(only func(id string) bool) string {
	var b strings.Builder
	b.WriteString("AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\nResources:\n")
	for _, id := range requirementIDs() {
		if only != nil && !only(id) {
			continue
		}
		fmt.Fprintf(&b, "  %s:\n    Type: AWS::Serverless::Function\n    TestingMetadata:\n      TestDescription: ['%s']\n", logicalID(id), id)
	}
	return b.String()
}

// ServeHTTP implements [http.Handler].
func (s *Stack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == spansPath:
		s.spans.export(w, r)
	case strings.HasPrefix(r.URL.Path, ObjectsPath+"/"):
		s.spans.ServeHTTP(w, r)
	case r.URL.Path != "/":
		s.front.ServeHTTP(w, r)
	case r.Header.Get("X-Amz-Target") == "Logs_20140328.FilterLogEvents":
		s.filterLogEvents(w, r)
	default:
		s.cloudFormation(w, r)
	}
}

// logEvent is a line of a log (CloudWatch Logs API, FilteredLogEvent).
type logEvent struct {
	Stream  string `json:"logStreamName"`
	Time    int64  `json:"timestamp"`
	Arrival int64  `json:"ingestionTime"`
	Message string `json:"message"`
	ID      string `json:"eventId"`
}

func (s *Stack) take(function string, l process.Line) {
	if l.Stream != process.Stdout {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.lines[function])
	s.lines[function] = append(s.lines[function], logEvent{
		Stream: "local", Time: l.Time.UnixMilli(), Arrival: l.Time.UnixMilli(), Message: l.Text, ID: fmt.Sprintf("%s/%d", function, n),
	})
}

// filterLogEvents serves FilterLogEvents, on one page. Of the language of patterns it knows what
// the runner uses: texts that JSON members of the line are to be equal to.
func (s *Stack) filterLogEvents(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Group   string `json:"logGroupName"`
		Start   int64  `json:"startTime"`
		End     int64  `json:"endTime"`
		Pattern string `json:"filterPattern"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in); err != nil {
		http.Error(w, `{"__type":"InvalidParameterException","message":"the body is not JSON"}`, http.StatusBadRequest)
		return
	}
	wanted := pattern(in.Pattern)
	out := struct {
		Events []logEvent `json:"events"`
	}{Events: []logEvent{}}
	s.mu.Lock()
	for _, l := range s.lines[strings.TrimPrefix(in.Group, "/aws/lambda/")] {
		if l.Time >= in.Start && (in.End == 0 || l.Time <= in.End) && wanted(l.Message) {
			out.Events = append(out.Events, l)
		}
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(out) // who does not read it asks again
}

// pattern returns which lines a pattern selects: those of which one member has the text it names.
func pattern(text string) func(line string) bool {
	members := regexp.MustCompile(`\$\.(\w+) = "([^"]*)"`).FindAllStringSubmatch(text, -1)
	return func(line string) bool {
		if len(members) == 0 {
			return true
		}
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil {
			return false
		}
		return slices.ContainsFunc(members, func(m []string) bool { return fields[m[1]] == m[2] })
	}
}

// stackResource is a function of the stack (CloudFormation API, StackResourceSummary).
type stackResource struct {
	Logical  string    `xml:"LogicalResourceId"`
	Physical string    `xml:"PhysicalResourceId"`
	Type     string    `xml:"ResourceType"`
	Status   string    `xml:"ResourceStatus"`
	Updated  time.Time `xml:"LastUpdatedTimestamp"`
}

func resources() []stackResource {
	var all []stackResource
	for _, id := range requirementIDs() {
		all = append(all, stackResource{
			logicalID(id), physicalID(id), "AWS::Lambda::Function", "CREATE_COMPLETE", time.Unix(0, 0).UTC(),
		})
	}
	return all
}

// cloudFormation serves the calls that the runner makes. Any name of a stack is that of this one.
func (s *Stack) cloudFormation(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	switch action := r.FormValue("Action"); action {
	case "ListStackResources":
		writeXML(w, http.StatusOK, struct {
			XMLName   xml.Name        `xml:"ListStackResourcesResponse"`
			Resources []stackResource `xml:"ListStackResourcesResult>StackResourceSummaries>member"`
		}{Resources: resources()})
	case "DescribeStackResource":
		all := resources()
		i := slices.IndexFunc(all, func(x stackResource) bool { return x.Logical == r.FormValue("LogicalResourceId") })
		if i < 0 {
			refuseXML(w, "ValidationError", "the stack has no resource "+r.FormValue("LogicalResourceId"))
			return
		}
		writeXML(w, http.StatusOK, struct {
			XMLName  xml.Name      `xml:"DescribeStackResourceResponse"`
			Resource stackResource `xml:"DescribeStackResourceResult>StackResourceDetail"`
		}{Resource: all[i]})
	case "DeleteStack": // it goes with the process
		writeXML(w, http.StatusOK, struct {
			XMLName xml.Name `xml:"DeleteStackResponse"`
		}{})
	default:
		refuseXML(w, "InvalidAction", "the stack does not know the action "+action)
	}
}

func refuseXML(w http.ResponseWriter, code, message string) {
	writeXML(w, http.StatusBadRequest, struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Type    string   `xml:"Error>Type"`
		Code    string   `xml:"Error>Code"`
		Message string   `xml:"Error>Message"`
	}{Type: "Sender", Code: code, Message: message})
}

func writeXML(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(v) // who does not read it asks again
}
