package perdure_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/perdure/perdure"

// rule says what the non-test files of one package may import.
type rule struct {
	// allow lists import paths beside the standard library. A path that ends in
	// "/..." stands for the package and everything below it.
	allow []string
	// oneFile lists imports, written like those of allow, that a single file of
	// the package may have: the place where foreign types stop.
	oneFile []string
	// deny lists packages of the standard library with the reason.
	deny map[string]string
}

var (
	noReflection = map[string]string{
		"reflect": "types are known where an operation is declared",
		"testing": "only tests and replay/replaytest may link it",
	}
	pure = map[string]string{
		"reflect": "types are known where an operation is declared",
		"testing": "only tests and replay/replaytest may link it",
		"sync":    "a pure package has no goroutines, and so no locks",
		"context": "a pure package waits for nothing",

		"sync/atomic": "a pure package shares nothing",
	}
	noFront = map[string]string{
		"testing":  "only tests and replay/replaytest may link it",
		"net/http": "the service is behind no wire; checkpoint/local/lambdaapi is its front",
	}
	noTesting = map[string]string{
		"testing": "only tests and replay/replaytest may link it",
	}
)

// importGraph is the import graph of the core module, by directory. A package
// that is not listed is reported: give it a row before its first import.
var importGraph = map[string]rule{
	".":     {deny: noTesting},
	"codec": {allow: []string{module + "/internal/lossless", module + "/internal/plainjson"}, deny: noReflection},
	"codec/seal": {
		allow: []string{module + "/codec"},
		deny:  noReflection,
	},
	"codec/offload": {
		allow: []string{module + "/codec"},
		deny:  noReflection,
	},
	"codec/offload/filestore": {
		allow: []string{module + "/codec/offload"},
		deny:  noReflection,
	},
	"codec/offload/storetest": { // for tests of stores
		allow: []string{module + "/codec", module + "/codec/offload", "github.com/google/go-cmp/..."},
	},
	"retry": {allow: []string{module + "/internal/limits"}, deny: noReflection},
	"op": {
		allow: []string{
			module + "/codec", module + "/retry", module + "/op/node", module + "/internal/guard", module + "/internal/limits", module + "/internal/subtype",
		},
		oneFile: []string{"github.com/samber/lo"},
		deny:    noReflection,
	},
	"op/node": {
		allow: []string{module + "/codec", module + "/retry"},
		deny:  noReflection,
	},
	"checkpoint": {
		allow: []string{
			module + "/internal/limits", module + "/internal/subtype",
			"github.com/aws/aws-sdk-go-v2/aws/...", "github.com/aws/aws-sdk-go-v2/service/lambda",
			"github.com/aws/smithy-go/...",
		},
		oneFile: []string{"github.com/aws/aws-sdk-go-v2/service/lambda/types"},
		deny:    noReflection,
	},
	"checkpoint/local": {
		allow: []string{
			module + "/checkpoint", module + "/checkpoint/local/internal/api", module + "/internal/limits", module + "/internal/unmeasured",
			module + "/internal/subtype", module + "/internal/wire", // redrive finds what has failed in a log
			"github.com/aws/aws-lambda-go/lambdacontext",
		},
		deny: noFront,
	},
	"checkpoint/local/internal/api": {allow: []string{module + "/checkpoint", module + "/internal/limits"}, deny: noFront},
	"checkpoint/local/lambdaapi": {
		allow: []string{
			module + "/checkpoint", module + "/checkpoint/local", module + "/checkpoint/local/internal/api", module + "/internal/limits",
		},
		deny: noTesting,
	},
	"checkpoint/local/storetest": { // for tests of stores
		allow: []string{module + "/checkpoint", module + "/checkpoint/local", "github.com/google/go-cmp/..."},
	},
	"checkpoint/local/process": {
		allow: []string{
			module + "/checkpoint", module + "/checkpoint/local", module + "/checkpoint/local/internal/api",
			module + "/internal/limits", "github.com/aws/aws-lambda-go/lambdacontext",
		},
		deny: noTesting,
	},
	"internal/rehearsal": {allow: []string{module + "/checkpoint"}, deny: noReflection},
	"internal/paste":     {allow: []string{module + "/internal/subtype"}, deny: pure},
	"internal/callsite":  {allow: []string{module + "/op/node", module + "/internal/substitute"}, deny: noReflection},
	"internal/stacks":    {deny: noReflection},
	"internal/lossless":  {allow: []string{module + "/internal/plainjson"}}, // it asks types what JSON they have a place for
	"internal/plainjson": {},                                                // it asks types whether they have methods
	"internal/guard":     {allow: []string{module + "/retry", module + "/internal/stacks"}, deny: noReflection},
	"internal/turn":      {deny: noReflection},
	"replay/internal/engine": {
		allow: []string{
			module + "/op", module + "/op/node", module + "/checkpoint", module + "/codec", module + "/retry",
			module + "/internal/turn", module + "/internal/guard", module + "/internal/outbox", module + "/internal/oplog", module + "/internal/wire",
			module + "/internal/limits", module + "/internal/subtype", module + "/internal/substitute", module + "/internal/lossless", module + "/internal/quota",
			module + "/internal/paste", module + "/internal/stacks",
		},
		deny: noReflection,
	},
	"replay/internal/edits": { // programs that tests run
		allow: []string{
			module + "/op", module + "/checkpoint", module + "/checkpoint/local", module + "/codec", module + "/retry", module + "/replay",
		},
		deny: noReflection,
	},
	"replay/internal/changes": {deny: pure}, // what the engine is judged by knows neither it nor the service
	"replay/internal/hosting": {
		allow: []string{module + "/op", module + "/checkpoint", module + "/codec", module + "/replay/internal/engine"},
		deny:  noReflection,
	},
	"replay": {
		allow: []string{
			module + "/op", module + "/op/node", module + "/checkpoint", module + "/codec", module + "/retry",
			module + "/replay/internal/engine", module + "/replay/internal/hosting",
			module + "/internal/substitute", module + "/internal/quota", module + "/internal/oplog", module + "/internal/limits",
			module + "/internal/subtype", module + "/internal/lossless", module + "/internal/rehearsal", module + "/internal/wire",
			module + "/internal/callsite",
			"github.com/aws/aws-lambda-go/lambda", "github.com/aws/aws-lambda-go/lambdacontext",
		},
		deny: noReflection,
	},
	"internal/awsfault": { // for modules with AWS clients
		allow: []string{module + "/codec", "github.com/aws/smithy-go"},
		deny:  noReflection,
	},
	"internal/moto":       {deny: noReflection}, // for tests
	"internal/minio":      {deny: noReflection}, // for tests
	"internal/leaks":      {deny: noReflection}, // for tests
	"internal/cputime":    {deny: noReflection}, // for benchmarks
	"internal/draws":      {deny: noReflection}, // for tests
	"internal/limits":     {deny: pure},
	"internal/substitute": {allow: []string{module + "/op/node"}, deny: noReflection},         // it holds a value of a context
	"internal/quota":      {allow: []string{module + "/internal/limits"}, deny: noReflection}, // it holds a value of a context
	"internal/unmeasured": {deny: pure},
	"internal/subtype":    {deny: pure},
	"internal/oplog":      {allow: []string{module + "/checkpoint", module + "/internal/limits"}, deny: pure},
	"internal/outbox":     {allow: []string{module + "/checkpoint", module + "/internal/limits"}, deny: pure},
	"internal/corpus": { // for tests
		allow: []string{
			module + "/checkpoint", module + "/checkpoint/local", module + "/internal/oldlogs", module + "/replay/replaytest",
		},
	},
	"internal/oldlogs": { // for tests; it sees records, and functions only as the service does
		allow: []string{
			module + "/op", module + "/op/node", module + "/checkpoint", module + "/checkpoint/local", module + "/internal/oplog",
			module + "/internal/substitute",
		},
	},
	"internal/wire": {deny: pure},
	"replay/replaytest": {
		allow: []string{
			module + "/op", module + "/op/node", module + "/checkpoint", module + "/checkpoint/local",
			module + "/codec", module + "/retry", module + "/replay", module + "/replay/internal/hosting", module + "/internal/oplog",
			module + "/internal/substitute", module + "/internal/callsite", module + "/internal/paste",
			module + "/internal/subtype", module + "/internal/stacks",
			"github.com/google/go-cmp/...",
		},
		// Of a deployed function, the kit reads the history.
		oneFile: []string{
			"github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/...",
		},
	},
}

func TestImportsFollowTheGraph(t *testing.T) {
	t.Parallel()
	problems, err := checkImports(os.DirFS("."), importGraph)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

func TestForbiddenImportIsReported(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		files        map[string]string
		want         []string // each a part of the only problem; none: no problem
	}{
		{
			name:   "interpreter in a declaration",
			reason: "op declares and must not know who runs it",
			files:  map[string]string{"op/step.go": `import "github.com/perdure/perdure/replay"`},
			want:   []string{`op/step.go:3:`, `imports "github.com/perdure/perdure/replay"`, "github.com/perdure/perdure/op/node"},
		},
		{
			name:   "AWS client behind op",
			reason: "a package of declarations links no AWS code",
			files:  map[string]string{"op/node/node.go": `import _ "github.com/aws/aws-sdk-go-v2/service/lambda"`},
			want:   []string{`op/node/node.go:3:`, `imports "github.com/aws/aws-sdk-go-v2/service/lambda"`},
		},
		{
			name:   "third party in a leaf",
			reason: "codec stands on the standard library alone",
			files:  map[string]string{"codec/json.go": `import "github.com/samber/lo"`},
			want:   []string{`codec/json.go:3:`, "the standard library without reflect, testing"},
		},
		{
			name:   "reflection",
			reason: "generics at the edge make it unnecessary",
			files:  map[string]string{"replay/run.go": `import r "reflect"`},
			want:   []string{`replay/run.go:3:`, `imports "reflect"`, "types are known where an operation is declared"},
		},
		{
			name:   "a lock in a pure package",
			reason: "the log is tested without a schedule",
			files:  map[string]string{"internal/oplog/log.go": `import "sync"`},
			want:   []string{`internal/oplog/log.go:3:`, `imports "sync"`, "no goroutines"},
		},
		{
			name:   "a lock in the queue of updates",
			reason: "who has the turn may touch it, and nothing else can",
			files:  map[string]string{"internal/outbox/queue.go": `import "sync"`},
			want:   []string{`internal/outbox/queue.go:3:`, `imports "sync"`, "no goroutines"},
		},
		{
			name:   "an atomic in the queue of updates",
			reason: "what is shared is not pure, with a lock or without",
			files:  map[string]string{"internal/outbox/queue.go": `import "sync/atomic"`},
			want:   []string{`internal/outbox/queue.go:3:`, `imports "sync/atomic"`, "shares nothing"},
		},
		{
			name:   "a context in the queue of updates",
			reason: "the sender makes the calls, and waits for them",
			files:  map[string]string{"internal/outbox/queue.go": `import "context"`},
			want:   []string{`internal/outbox/queue.go:3:`, `imports "context"`, "waits for nothing"},
		},
		{
			name:   "a context in the log",
			reason: "the log is read, not asked for",
			files:  map[string]string{"internal/oplog/log.go": `import "context"`},
			want:   []string{`internal/oplog/log.go:3:`, `imports "context"`, "waits for nothing"},
		},
		{
			name:   "declarations in the log",
			reason: "it holds records, whatever they are of",
			files:  map[string]string{"internal/oplog/log.go": `import _ "github.com/perdure/perdure/op"`},
			want:   []string{`internal/oplog/log.go:3:`, `imports "github.com/perdure/perdure/op"`},
		},
		{
			name:   "declarations in the queue of updates",
			reason: "it holds updates, whatever they are of",
			files:  map[string]string{"internal/outbox/queue.go": `import _ "github.com/perdure/perdure/op/node"`},
			want:   []string{`internal/outbox/queue.go:3:`, `imports "github.com/perdure/perdure/op/node"`},
		},
		{
			name:   "declarations in an envelope",
			reason: "what is in a payload is values",
			files:  map[string]string{"internal/wire/batch.go": `import _ "github.com/perdure/perdure/op"`},
			want:   []string{`internal/wire/batch.go:3:`, `imports "github.com/perdure/perdure/op"`},
		},
		{
			name:   "a lock in an envelope",
			reason: "what is in a payload is values",
			files:  map[string]string{"internal/wire/batch.go": `import "sync"`},
			want:   []string{`internal/wire/batch.go:3:`, `imports "sync"`, "no goroutines"},
		},
		{
			name:   "the turn in the queue of updates",
			reason: "a pure package knows no strand",
			files:  map[string]string{"internal/outbox/queue.go": `import _ "github.com/perdure/perdure/internal/turn"`},
			want:   []string{`internal/outbox/queue.go:3:`, `imports "github.com/perdure/perdure/internal/turn"`},
		},
		{
			name:   "the engine's log in the turn",
			reason: "the turn knows nothing of operations, logs or Lambda",
			files:  map[string]string{"internal/turn/turn.go": `import _ "github.com/perdure/perdure/internal/oplog"`},
			want:   []string{`internal/turn/turn.go:3:`, `imports "github.com/perdure/perdure/internal/oplog"`},
		},
		{
			name:   "the log knows who reads it",
			reason: "the engine stands on the log, and the door to the service stands below both",
			files: map[string]string{
				"internal/oplog/log.go":  `import _ "github.com/perdure/perdure/checkpoint"`,
				"checkpoint/client.go":   `import _ "github.com/aws/smithy-go"`,
				"checkpoint/decode.go":   `import _ "github.com/perdure/perdure/internal/oplog"`,
				"internal/outbox/out.go": `import _ "github.com/perdure/perdure/checkpoint"`,
			},
			want: []string{`checkpoint/decode.go:3:`, `imports "github.com/perdure/perdure/internal/oplog"`},
		},
		{
			name:   "the service knows the interpreter",
			reason: "checkpoint/local would judge the interpreter by itself",
			files:  map[string]string{"checkpoint/local/service.go": `import "github.com/perdure/perdure/replay"`},
			want:   []string{`checkpoint/local/service.go:3:`},
		},
		{
			name:   "a server in the service",
			reason: "tests of handlers need no HTTP",
			files:  map[string]string{"checkpoint/local/service.go": `import "net/http"`},
			want:   []string{`checkpoint/local/service.go:3:`, "checkpoint/local/lambdaapi is its front"},
		},
		{
			name:   "a second file with AWS types",
			reason: "the rest of the package has value types of its own",
			files: map[string]string{
				"checkpoint/client.go": `import _ "github.com/aws/aws-sdk-go-v2/service/lambda/types"`,
				"checkpoint/log.go":    `import _ "github.com/aws/aws-sdk-go-v2/service/lambda/types"`,
			},
			want: []string{`checkpoint/log.go:3:`, "checkpoint/client.go"},
		},
		{
			name:   "a package without a row",
			reason: "a new package states its imports first",
			files:  map[string]string{"helper/helper.go": `import "fmt"`},
			want:   []string{"helper", "has no row"},
		},
		{
			name:   "what is allowed",
			reason: "tests, nested modules and testdata are outside the graph",
			files: map[string]string{
				"op/join.go":             `import _ "github.com/samber/lo"`,
				"op/join_test.go":        `import _ "github.com/perdure/perdure/replay"`,
				"docs/examples/go.mod":   `module github.com/perdure/perdure/docs/examples`,
				"docs/examples/a/run.go": `import _ "reflect"`,
				"op/testdata/x.go":       `import _ "reflect"`,
				"checkpoint/client.go":   `import _ "github.com/aws/smithy-go"`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tree := fstest.MapFS{}
			for file, imports := range tt.files {
				tree[file] = &fstest.MapFile{Data: []byte("package p\n\n" + imports + "\n")}
			}
			problems, err := checkImports(tree, importGraph)
			if err != nil {
				t.Fatal(err)
			}
			if len(tt.want) == 0 {
				if len(problems) != 0 {
					t.Fatalf("%s: got %q, want no problem", tt.reason, problems)
				}
				return
			}
			if len(problems) != 1 {
				t.Fatalf("%s: got %q, want one problem", tt.reason, problems)
			}
			for _, part := range tt.want {
				if !strings.Contains(problems[0], part) {
					t.Errorf("%s: %q does not contain %q", tt.reason, problems[0], part)
				}
			}
		})
	}
}
