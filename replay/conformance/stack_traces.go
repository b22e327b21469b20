package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay/replayotel"

	"github.com/perdure/perdure/replay/conformance/handlers"
)

// SpansBucket is what the published runner reads spans from, as an exporter of the OpenTelemetry
// Collector has written them to S3. The stack serves it below [ObjectsPath].
const SpansBucket = "s3://spans/traces"

// ObjectsPath is where the stack serves S3: AWS_ENDPOINT_URL_S3 is its address with this path.
const ObjectsPath = "/s3"

// objects are the requests that functions have exported, as objects of a bucket.
type objects struct {
	mu     sync.Mutex
	bodies [][]byte
}

// export keeps what a function exports.
func (o *objects) export(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<24))
	if err == nil {
		_, err = readOTLP(strings.NewReader(string(body)))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bodies = append(o.bodies, body)
}

// s3Object is an object (S3 API, ListObjectsV2).
type s3Object struct {
	Key      string
	Modified time.Time `xml:"LastModified"`
	ETag     string
	Size     int
}

// ServeHTTP serves ListObjectsV2, on one page, and GetObject. There is one bucket, of any name.
func (o *objects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	bodies := o.bodies
	o.mu.Unlock()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, ObjectsPath+"/"), "/")
	if r.Method != http.MethodGet {
		refuseXML(w, "MethodNotAllowed", "the bucket is filled by functions")
		return
	}
	if key == "" {
		writeXML(w, http.StatusOK, struct {
			XMLName  xml.Name `xml:"ListBucketResult"`
			Contents []s3Object
		}{Contents: list(bodies, r.FormValue("prefix"))})
		return
	}
	for i, body := range bodies {
		if objectKey(i) == key {
			_, _ = w.Write(body) // who does not read it asks again
			return
		}
	}
	refuseXML(w, "NoSuchKey", "there is no object "+key)
}

func list(bodies [][]byte, prefix string) (all []s3Object) {
	for i, body := range bodies {
		if key := objectKey(i); strings.HasPrefix(key, prefix) {
			sum := sha256.Sum256(body)
			all = append(all, s3Object{key, time.Unix(0, 0).UTC(), `"` + hex.EncodeToString(sum[:16]) + `"`, len(body)})
		}
	}
	return all
}

// objectKey is as the exporter of the Collector names objects.
func objectKey(n int) string { return fmt.Sprintf("traces/traces_%d.json", n) }

// called is a traced function that is invoked with a trace header: the requirements demand that
// each execution has a caller, and a trace of its own.
type called struct{ lambda.Handler }

// Invoke implements [lambda.Handler].
func (c called) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		ARN string `json:"DurableExecutionArn"`
	}
	if checkpoint.TraceHeaderFrom(ctx) == "" && json.Unmarshal(payload, &event) == nil {
		sum := sha256.Sum256([]byte(event.ARN))
		id := hex.EncodeToString(sum[:])
		ctx = checkpoint.WithTraceHeader(ctx, fmt.Sprintf("Root=1-%s-%s;Parent=%s;Sampled=1", id[:8], id[8:32], id[32:48]))
	}
	return c.Handler.Invoke(ctx, payload)
}

// traced returns a function of the table as it is hosted, with the options that it needs.
func traced(id string, f lambda.Handler) (lambda.Handler, []local.HostOption) {
	if _, ok := handlers.IsTraced(id); !ok {
		return f, nil
	}
	return called{f}, hosting(&Requirement{ID: id})
}

// targets returns the names of all functions that others call.
func targets(v replayotel.View) []string {
	var names []string
	for name := range handlers.Targets() {
		names = append(names, name)
	}
	for name := range handlers.TracedTargets(handlers.World{}, v) {
		names = append(names, name)
	}
	return names
}
