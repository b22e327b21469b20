package api

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/perdure/perdure/checkpoint"
)

// Failure is an error object (Lambda API, ErrorObject).
type Failure struct {
	Type    string   `json:"ErrorType,omitempty"`
	Message string   `json:"ErrorMessage,omitempty"`
	Data    string   `json:"ErrorData,omitempty"`
	Stack   []string `json:"StackTrace,omitempty"`
}

// FailureOf returns an error as the API has it, nil for none.
func FailureOf(f *checkpoint.Failure) *Failure {
	if f == nil {
		return nil
	}
	return &Failure{Type: f.Type, Message: f.Message, Data: f.Data, Stack: f.Stack}
}

// Record returns the error as records have it.
func (f *Failure) Record() *checkpoint.Failure {
	return &checkpoint.Failure{Type: f.Type, Message: f.Message, Data: f.Data, Stack: f.Stack}
}

// WholeSeconds returns a duration in seconds, cut.
func WholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }

// Duration returns a number of seconds.
func Duration(seconds int64) time.Duration { return time.Duration(seconds) * time.Second }

// Timestamp returns a time as a number of seconds since 1970, empty for none.
func Timestamp(t time.Time) json.Number {
	if t.IsZero() {
		return ""
	}
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return json.Number(strconv.FormatInt(ms/1000, 10))
	}
	return json.Number(strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64))
}

// TimeOf is the inverse of [Timestamp] but for parts of milliseconds. The zero time stands for no
// number.
func TimeOf(n json.Number) time.Time {
	f, err := n.Float64()
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Round(f * 1000))).UTC()
}
