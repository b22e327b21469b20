package lambdaapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"
)

// BenchmarkCheckpointOverHTTP measures a checkpoint call with a step's START and SUCCEED from the
// client of the AWS SDK to the front and back: for one execution, and for 64 at once. The floor is
// the same call, answered by a server that only has the text of an answer.
func BenchmarkCheckpointOverHTTP(b *testing.B) {
	const answer = `{"CheckpointToken":"t","NewExecutionState":{"Operations":[` +
		`{"Id":"a","Name":"a","Type":"STEP","SubType":"Step","Status":"SUCCEEDED","StartTimestamp":1767225600.12,` +
		`"EndTimestamp":1767225600.48,"StepDetails":{"Attempt":1,"Result":"1"}}]}}`
	floor := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer)) // the client is there
	})
	for _, atOnce := range []int{1, 64} {
		for _, what := range []string{"front", "floor"} {
			b.Run(fmt.Sprintf("%s/%d", what, atOnce), func(b *testing.B) {
				s := local.New(local.WithLimits(local.Limits{Operations: 1 << 60, DataBytes: 1 << 60}))
				defer s.Close()
				handler := front.Handler(s)
				if what == "floor" {
					handler = floor
				}
				server := httptest.NewServer(handler)
				defer server.Close()
				client := checkpoint.NewClient(sdkClient(server.URL))
				var mu sync.Mutex
				var times []time.Duration
				calls := max(1, b.N/atOnce)
				f := function(func(k *talk) (string, error) {
					k.client = client
					own := make([]time.Duration, 0, calls)
					for i := range calls {
						id := fmt.Sprint("step-", i)
						began := time.Now()
						if _, err := k.send(stepStart(id), stepSucceed(id, "1")); err != nil {
							return "", err
						}
						own = append(own, time.Since(began))
					}
					mu.Lock()
					times = append(times, own...)
					mu.Unlock()
					return succeed(`1`), nil
				})
				if err := s.Host("f", f); err != nil {
					b.Fatal(err)
				}
				b.ResetTimer()
				runAtOnce(b, s, atOnce)
				b.StopTimer()
				slices.Sort(times)
				b.ReportMetric(float64(len(times))/b.Elapsed().Seconds(), "calls/s")
				b.ReportMetric(float64(times[len(times)/2])/1e3, "µs-median")
				b.ReportMetric(float64(times[len(times)*99/100])/1e3, "µs-99th")
			})
		}
	}
}

// runAtOnce runs that many executions of the function f and waits for their ends.
func runAtOnce(b *testing.B, s *local.Service, atOnce int) {
	b.Helper()
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			e, err := s.Start(b.Context(), "f", "", []byte("{}"))
			if err == nil {
				err = e.Wait(b.Context())
			}
			if err == nil {
				err = e.Err()
			}
			if err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}

// BenchmarkExecutionsOverHTTP measures whole executions as a user of the AWS SDK sees them: a
// synchronous Invoke of a function that makes one checkpoint call of two updates, all of it over
// HTTP.
func BenchmarkExecutionsOverHTTP(b *testing.B) {
	for _, atOnce := range []int{1, 64} {
		b.Run(strconv.Itoa(atOnce), func(b *testing.B) {
			s := local.New()
			defer s.Close()
			server := httptest.NewServer(front.Handler(s))
			defer server.Close()
			client := sdkClient(server.URL)
			f := function(func(k *talk) (string, error) {
				_, err := k.send(stepStart("a"), stepSucceed("a", "1"))
				return succeed(`1`), err
			})
			if err := s.Host("f", through(client, f)); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			var all sync.WaitGroup
			for i := range atOnce {
				all.Go(func() {
					for n := i; n < b.N; n += atOnce {
						out, err := client.Invoke(b.Context(), &lambdaapi.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("{}")})
						if err != nil || string(out.Payload) != "1" {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "executions/s")
		})
	}
}
