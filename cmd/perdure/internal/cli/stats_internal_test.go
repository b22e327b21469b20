package cli

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestPacer: that many calls a second, the first of them at once.
func TestPacer(t *testing.T) {
	t.Parallel()
	if pacer(0) != nil {
		t.Error("zero stands for any number of calls")
	}
	synctest.Test(t, func(t *testing.T) {
		pace, begin := pacer(5), time.Now()
		for range 11 {
			if err := pace(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("11 calls, 5 a second, took %v", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := pace(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
	})
}

// TestStatsDefaults: AWS is asked for a sample, unless a flag says otherwise, also that it is to be
// all.
func TestStatsDefaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason       string
		args         []string
		sample, rate int
	}{
		{"on this machine all, at once", nil, 0, 0},
		{"on AWS a sample, slowly", []string{"--aws"}, awsSample, awsRate},
		{"a region is on AWS", []string{"--region", "eu-west-1"}, awsSample, awsRate},
		{"what is asked for", []string{"--aws", "--sample", "7", "--rate", "3"}, 7, 3},
		{"all, at once, is asked for", []string{"--aws", "--sample", "0", "--rate", "0"}, 0, 0},
	}
	for _, tt := range tests {
		a := &app{}
		cmd, args, err := a.root().Find(append([]string{"stats"}, tt.args...))
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.ParseFlags(args); err != nil {
			t.Fatal(err)
		}
		var o statsOptions
		if o.sample, err = cmd.Flags().GetInt("sample"); err != nil {
			t.Fatal(err)
		}
		if o.rate, err = cmd.Flags().GetInt("rate"); err != nil {
			t.Fatal(err)
		}
		if err := a.completeStats(cmd, &o); err != nil || o.sample != tt.sample || o.rate != tt.rate {
			t.Errorf("%s: %+v %v, want %d and %d", tt.reason, o, err, tt.sample, tt.rate)
		}
	}
}
