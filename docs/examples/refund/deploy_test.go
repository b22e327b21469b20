package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"go.yaml.in/yaml/v3"
)

// page is the page that explains the template.
var page = filepath.Join("..", "..", "deploying.md")

// function is what template.yaml says of the function, by the names that AWS SAM has.
type function struct {
	Type       string `yaml:"Type"`
	Properties struct {
		FunctionName     string        `yaml:"FunctionName"`
		CodeURI          string        `yaml:"CodeUri"`
		Handler          string        `yaml:"Handler"`
		Runtime          string        `yaml:"Runtime"`
		Architectures    []string      `yaml:"Architectures"`
		MemorySize       int           `yaml:"MemorySize"`
		Timeout          int           `yaml:"Timeout"`
		DurableConfig    durableConfig `yaml:"DurableConfig"`
		AutoPublishAlias string        `yaml:"AutoPublishAlias"`
		Policies         []policy      `yaml:"Policies"`
	} `yaml:"Properties"`
}

type durableConfig struct {
	ExecutionTimeout      int `yaml:"ExecutionTimeout"`
	RetentionPeriodInDays int `yaml:"RetentionPeriodInDays"`
}

type policy struct {
	Version   string      `yaml:"Version"`
	Statement []statement `yaml:"Statement"`
}

type statement struct {
	Effect   string    `yaml:"Effect"`
	Action   oneOrMore `yaml:"Action"`
	Resource string    `yaml:"Resource"`
}

// oneOrMore is a text, or a list of them.
type oneOrMore []string

// UnmarshalYAML implements [yaml.Unmarshaler].
func (o *oneOrMore) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*o = oneOrMore{n.Value}
		return nil
	}
	return n.Decode((*[]string)(o))
}

type managedPolicy struct {
	Type       string `yaml:"Type"`
	Properties struct {
		PolicyDocument policy `yaml:"PolicyDocument"`
	} `yaml:"Properties"`
}

type template struct {
	Version     string `yaml:"AWSTemplateFormatVersion"`
	Transform   string `yaml:"Transform"`
	Description string `yaml:"Description"`
	Resources   struct {
		Refund   function      `yaml:"Refund"`
		Approver managedPolicy `yaml:"Approver"`
		Starter  managedPolicy `yaml:"Starter"`
	} `yaml:"Resources"`
	Outputs map[string]struct {
		Description string `yaml:"Description"`
		Value       string `yaml:"Value"`
	} `yaml:"Outputs"`
}

// readTemplate reads template.yaml. What this test does not know is an error.
func readTemplate(t *testing.T) template {
	t.Helper()
	f, err := os.Open("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var tmpl template
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	if err := dec.Decode(&tmpl); err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	tmpl := readTemplate(t)
	f := tmpl.Resources.Refund
	p := f.Properties
	if tmpl.Version != "2010-09-09" || tmpl.Transform != "AWS::Serverless-2016-10-31" || f.Type != "AWS::Serverless::Function" {
		t.Errorf("it is no template of AWS SAM: %q, %q, %q", tmpl.Version, tmpl.Transform, f.Type)
	}
	if runtime := lambdatypes.Runtime(p.Runtime); runtime != lambdatypes.RuntimeProvidedal2023 || p.Handler != "bootstrap" {
		t.Errorf("the runtime is %q with the handler %q", p.Runtime, p.Handler)
	}
	if p.AutoPublishAlias == "" || tmpl.Outputs["Alias"].Value != "Refund.Alias" {
		t.Errorf("the alias is %q, and the output %q", p.AutoPublishAlias, tmpl.Outputs["Alias"].Value)
	}
	// Limits: Lambda API, DurableConfig, Timeout and MemorySize.
	for _, l := range []struct {
		name           string
		is, from, upTo int
	}{
		{"Timeout", p.Timeout, 1, 900},
		{"MemorySize", p.MemorySize, 128, 10_240},
		{"ExecutionTimeout", p.DurableConfig.ExecutionTimeout, 1, 31_622_400},
		{"RetentionPeriodInDays", p.DurableConfig.RetentionPeriodInDays, 1, 90},
	} {
		if l.is < l.from || l.is > l.upTo {
			t.Errorf("%s is %d, want %d to %d", l.name, l.is, l.from, l.upTo)
		}
	}
	if longest := int((objection + approvalTime).Seconds()); p.DurableConfig.ExecutionTimeout <= longest {
		t.Errorf("an execution may take %d s, and waits take %d s", p.DurableConfig.ExecutionTimeout, longest)
	}
	for f := range reflect.TypeFor[durableConfig]().Fields() { // its names are those of the API
		if _, ok := reflect.TypeFor[lambdatypes.DurableConfig]().FieldByName(f.Name); !ok {
			t.Errorf("DurableConfig has no %s", f.Name)
		}
	}
}

// TestPermissions: every policy allows what it is for, and nothing else, on the function alone.
func TestPermissions(t *testing.T) {
	t.Parallel()
	tmpl := readTemplate(t)
	name := tmpl.Resources.Refund.Properties.FunctionName
	arn := "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:" + name
	got := map[string][]policy{
		"function": tmpl.Resources.Refund.Properties.Policies,
		"approver": {tmpl.Resources.Approver.Properties.PolicyDocument},
		"starter":  {tmpl.Resources.Starter.Properties.PolicyDocument},
	}
	allow := func(resource string, actions ...string) []policy {
		return []policy{{Version: "2012-10-17", Statement: []statement{{Effect: "Allow", Action: actions, Resource: resource}}}}
	}
	want := map[string][]policy{
		"function": allow(arn+":*", "lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"),
		"approver": allow(arn+":*", "lambda:SendDurableExecutionCallbackSuccess", "lambda:SendDurableExecutionCallbackFailure",
			"lambda:SendDurableExecutionCallbackHeartbeat"),
		"starter": allow(arn+":"+tmpl.Resources.Refund.Properties.AutoPublishAlias, "lambda:InvokeFunction"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestActionsAreCalls: an action is named like the call of the API that it allows, but for Invoke.
// The client of the API does not have the calls yet that checkpoint.Control has.
func TestActionsAreCalls(t *testing.T) {
	t.Parallel()
	client, control := reflect.TypeFor[*lambdaapi.Client](), reflect.TypeFor[checkpoint.Control]()
	for _, name := range []string{page, "template.yaml", filepath.Join("..", "..", "cli.md")} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		actions := regexp.MustCompile(`lambda:([A-Z]\w+)`).FindAllStringSubmatch(string(text), -1)
		if len(actions) < 5 {
			t.Errorf("%s names %d actions", name, len(actions))
		}
		for _, a := range actions {
			_, called := client.MethodByName(a[1])
			_, controlled := control.MethodByName(strings.TrimSuffix(a[1], "DurableExecution"))
			if !called && !controlled && a[1] != "InvokeFunction" {
				t.Errorf("%s names the action lambda:%s, which is no call of the Lambda API", name, a[1])
			}
		}
	}
}

// buildCommand returns the command of the page that builds the function.
func buildCommand(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?m)^GOOS=.* go build .*$").FindAllString(string(text), -1)
	if len(found) != 1 {
		t.Fatalf("%s has the build commands %q, want one", page, found)
	}
	return found[0]
}

// TestBuildCommand runs the command of the page: it makes what the template deploys.
func TestBuildCommand(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles the function for another machine")
	}
	p := readTemplate(t).Resources.Refund.Properties
	command := buildCommand(t)
	place := "-o " + p.CodeURI + p.Handler + " "
	if !strings.Contains(command, place) {
		t.Fatalf("%q does not build %s%s", command, p.CodeURI, p.Handler)
	}
	built := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, place, "-o '"+built+"' ", 1))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	f, err := elf.Open(built)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	machines := map[lambdatypes.Architecture]elf.Machine{lambdatypes.ArchitectureArm64: elf.EM_AARCH64, lambdatypes.ArchitectureX8664: elf.EM_X86_64}
	if len(p.Architectures) != 1 || f.Machine != machines[lambdatypes.Architecture(p.Architectures[0])] {
		t.Errorf("the binary is for %v, the template for %v", f.Machine, p.Architectures)
	}
	interpreted := slices.ContainsFunc(f.Progs, func(s *elf.Prog) bool { return s.Type == elf.PT_INTERP })
	if libraries, err := f.ImportedLibraries(); interpreted || len(libraries) > 0 {
		t.Errorf("the binary is not static: it needs %v, %v", libraries, err)
	}
	for _, section := range []string{".symtab", ".debug_info"} {
		if f.Section(section) != nil {
			t.Errorf("the binary has %s, which -s -w leave out", section)
		}
	}
	info, err := os.Stat(built)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("bootstrap has %.1f MB", float64(info.Size())/1e6)
}

// TestPageShowsTheTemplate: the page quotes the function of the template as it is.
func TestPageShowsTheTemplate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	quoted, _, ok := strings.Cut(rest, "```")
	tmpl, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !ok || quoted == "" || !strings.Contains(string(tmpl), "\n"+quoted) {
		t.Errorf("%s quotes what is not in template.yaml:\n%s", page, quoted)
	}
}
