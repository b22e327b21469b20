package cli_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/awskms"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/s3store"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/internal/moto"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// safe is a region with S3 and KMS, which moto's server stands for.
type safe struct {
	*region
	key, otherKey, bucket string
	s3                    *s3.Client
	env                   []string
}

// newSafe hosts closedOrder as the function "closed", whose payloads are sealed by KMS and kept in
// S3 if they are long, and starts C-1, which waits.
func newSafe(t *testing.T) *safe {
	t.Helper()
	server, err := moto.Start(t.Context())
	if errors.Is(err, moto.ErrOff) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	secret := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
	})
	keys := kms.New(kms.Options{BaseEndpoint: &server.URL, Region: "eu-west-1", Credentials: secret})
	v := &safe{
		region: newRegion(t, false), bucket: "perdure-" + strings.ToLower(rand.Text()),
		s3: s3.New(s3.Options{BaseEndpoint: &server.URL, Region: "eu-west-1", UsePathStyle: true, Credentials: secret}),
	}
	v.env = append(credentials(), "AWS_ENDPOINT_URL_S3="+server.URL, "AWS_ENDPOINT_URL_KMS="+server.URL, "AWS_REGION=eu-west-1")
	for _, key := range []*string{&v.key, &v.otherKey} {
		out, err := keys.CreateKey(t.Context(), &kms.CreateKeyInput{})
		if err != nil {
			t.Fatal(err)
		}
		*key = *out.KeyMetadata.KeyId
	}
	if _, err := v.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &v.bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"},
	}); err != nil {
		t.Fatal(err)
	}
	c := codec.Chain(codec.JSON(), seal.New(awskms.New(keys, v.key)), offload.New(s3store.New(v.s3, v.bucket), offload.WithThreshold(2000)))
	f := replay.Handler(closedOrder, replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c))
	if err := v.service.Host("closed", f); err != nil {
		t.Fatal(err)
	}
	if got := v.run("start", "closed", `"in"`, "--name", "C-1"); got.code != cli.ExitOK {
		t.Fatalf("%+v", got)
	}
	v.settle()
	return v
}

// on runs the program in a process of its own.
func (v *safe) on(args ...string) outcome {
	v.t.Helper()
	return v.program(v.env, append(args, "--aws")...)
}

func (v *safe) stored() (names []string) {
	v.t.Helper()
	out, err := v.s3.ListObjectsV2(v.t.Context(), &s3.ListObjectsV2Input{Bucket: &v.bucket})
	if err != nil {
		v.t.Fatal(err)
	}
	for i := range out.Contents {
		names = append(names, *out.Contents[i].Key)
	}
	return names
}

// TestPayloadsInKMSAndS3: what KMS has sealed and S3 keeps is shown, written into files and
// collected with the flags that name them, and with nothing less.
func TestPayloadsInKMSAndS3(t *testing.T) {
	t.Parallel()
	v := newSafe(t)
	secrets := []string{secretResult, secretFailure, secretLarge}
	open := []string{"--keyring", "kms:" + v.key, "--objects", "s3://" + v.bucket}
	for _, tt := range []struct {
		reason  string
		command []string
		shows   []string
		says    string
	}{
		{"show, closed", []string{"show", "C-1", "-f", "closed"}, nil, ""},
		{"history, closed", []string{"history", "C-1", "-f", "closed"}, nil, ""},
		{"show with the key and the bucket", append([]string{"show", "C-1", "-f", "closed"}, open...), secrets, ""},
		{"history with the key and the bucket", append([]string{"history", "C-1", "-f", "closed"}, open...), secrets, ""},
		{"with the key alone", append([]string{"show", "C-1", "-f", "closed"}, open[:2]...), secrets[:2], "stays closed"},
		{"with the bucket alone", append([]string{"show", "C-1", "-f", "closed"}, open[2:]...), nil, "stays closed"},
		{"with another key", []string{"show", "C-1", "-f", "closed", "--keyring", "kms:" + v.otherKey}, nil, "stays closed"},
		{"with another bucket", []string{"show", "C-1", "-f", "closed", "--keyring", "kms:" + v.key, "--objects", "s3://" + v.bucket + "x"}, secrets[:2], "stays closed"},
		{"with another prefix", []string{"show", "C-1", "-f", "closed", "--keyring", "kms:" + v.key, "--objects", "s3://" + v.bucket + "/other"}, secrets[:2], "stays closed"},
	} {
		got := v.on(tt.command...)
		if got.code != cli.ExitOK || !strings.Contains(got.err, tt.says) || tt.says == "" && got.err != "" {
			t.Errorf("%s: %+v", tt.reason, got)
		}
		for _, s := range secrets {
			if shows := strings.Contains(got.out, s); shows != slices.Contains(tt.shows, s) || strings.Contains(got.err, s) {
				t.Errorf("%s: %s is shown %t: %+v", tt.reason, s, shows, got)
			}
		}
	}
	v.recorded(open)
	v.collected()
}

// recorded writes C-1 into files, closed and opened.
func (v *safe) recorded(open []string) {
	v.t.Helper()
	dir := v.t.TempDir()
	for _, tt := range []struct {
		reason   string
		flags    []string
		withheld bool
	}{
		{"closed", nil, true},
		{"opened", open, false},
	} {
		got := v.on(append([]string{"record", "closed", "--redact", "--keep", "*.*", "--dir", filepath.Join(dir, tt.reason)}, tt.flags...)...)
		all, text := readHistories(v.t, filepath.Join(dir, tt.reason))
		if got.code != cli.ExitOK || len(all) != 1 || strings.Contains(text, `"Truncated": true`) != tt.withheld {
			v.t.Errorf("%s: %+v\n%s", tt.reason, got, text)
		}
	}
}

// collected has the objects of C-1 collected, while it goes on and when it is gone.
func (v *safe) collected() {
	v.t.Helper()
	before := v.stored()
	if len(before) < 2 {
		v.t.Fatalf("%d objects are in S3", len(before))
	}
	got := v.on("collect", "--objects", "s3://"+v.bucket, "--min-age", "0s", "--rate", "1000", "-o", "json")
	if left := v.stored(); got.code != cli.ExitOK || len(left) != len(before) {
		v.t.Errorf("%d of %d objects are left while it runs: %+v", len(left), len(before), got)
	}
	v.advance(2 * time.Hour)
	if e := v.run("show", "C-1", "-f", "closed", "-o", "json"); !strings.Contains(e.out, `"SUCCEEDED"`) {
		v.t.Fatalf("it does not end: %+v", e)
	}
	if got := v.run("delete", "C-1", "-f", "closed"); got.code != cli.ExitOK {
		v.t.Fatalf("%+v", got)
	}
	got = v.on("collect", "--objects", "s3://"+v.bucket, "--min-age", "0s", "--rate", "1000", "-o", "json")
	var said struct{ Removed, Kept int }
	if err := json.Unmarshal([]byte(got.out), &said); err != nil || got.code != cli.ExitOK || said.Removed != len(before) || len(v.stored()) != 0 {
		v.t.Errorf("%v: %d objects are left: %+v", err, len(v.stored()), got)
	}
}
