package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/storetest"
	"github.com/perdure/perdure/internal/minio"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"

	"github.com/perdure/perdure/codec/s3store"
)

// onDisk returns the server that checks signatures and checksums, and keeps objects on disk.
func onDisk(t *testing.T) stand {
	t.Helper()

	s := stands[1]
	if errors.Is(s.missing, minio.ErrOff) {
		t.Skip(s.missing)
	}

	if s.missing != nil {
		t.Fatal(s.missing)
	}

	return s
}

// An object whose bytes do not have the hash of its key is not kept.
func TestAWrongHashIsRefusedByS3(t *testing.T) {
	t.Parallel()

	client, bucket := onDisk(t).newBucket(t)
	s, k := s3store.New(client, bucket), storetest.KeyOf("paid")

	if err := s.Put(t.Context(), k, []byte("pays")); err == nil || codec.IsTransient(err) {
		t.Errorf("Put = %v, want an error for good", err)
	}

	if _, err := s.Get(t.Context(), k, 4); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get = %v, want %v", err, fs.ErrNotExist)
	}
}

// An object whose bits have changed on the disk of the server is never read as something else.
func TestObjectsThatHaveChangedOnDisk(t *testing.T) {
	t.Parallel()

	server := onDisk(t)
	_, bucket := server.newBucket(t)
	client := server.client(func(o *s3.Options) { o.RetryMaxAttempts = 1 })
	c := codec.Chain(codec.JSON(), offload.New(s3store.New(client, bucket), offload.WithThreshold(0)))
	want := strings.Repeat("4111-1111 ", 200_000) // too long for a file of the server's own notes

	p, err := codec.Encode(t.Context(), c, charge, want)
	if err != nil {
		t.Fatal(err)
	}

	changed := 0

	err = filepath.WalkDir(filepath.Join(server.dir, bucket), func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasPrefix(e.Name(), "part.") {
			return err
		}

		object, err := os.ReadFile(name)
		if err != nil {
			return err
		}

		object[len(object)/2] ^= 1
		changed++

		return os.WriteFile(name, object, 0o600)
	})
	if err != nil || changed == 0 {
		t.Fatalf("%d files are changed, %v", changed, err)
	}

	var got string

	err = codec.Decode(t.Context(), c, charge, p, &got)
	if err == nil || got != "" {
		t.Errorf("Decode = %d bytes, %v, want an error", len(got), err)
	}

	t.Log(err)
}

// An object that is late is read as soon as it is there.
func TestAnObjectThatArrives(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, s stand) {
		t.Helper()

		client, bucket := s.newBucket(t)
		store := s3store.New(client, bucket)
		c := codec.Chain(codec.JSON(), offload.New(store, offload.WithThreshold(0)))

		p, err := codec.Encode(t.Context(), c, charge, "paid")
		if err != nil {
			t.Fatal(err)
		}

		info, _, _ := offload.Inspect(p)
		remove(t, client, bucket, "perdure/"+info.Key.String())

		var got string
		if err := codec.Decode(t.Context(), c, charge, p, &got); !errors.Is(err, offload.ErrAbsent) || !codec.IsTransient(err) {
			t.Errorf("Decode = %v, want %v for now", err, offload.ErrAbsent)
		}

		if err := store.Put(t.Context(), info.Key, []byte(`"paid"`)); err != nil {
			t.Fatal(err)
		}

		if err := codec.Decode(t.Context(), c, charge, p, &got); err != nil || got != "paid" {
			t.Errorf("Decode = %q, %v", got, err)
		}
	})
}

// Credentials that the server does not take any more fail for now.
func TestCredentialsThatAreNotTaken(t *testing.T) {
	t.Parallel()

	server := onDisk(t)
	_, bucket := server.newBucket(t)

	tests := []struct {
		reason string
		secret aws.Credentials
	}{
		{reason: "a key that has expired is not known any more", secret: aws.Credentials{AccessKeyID: "ASIAEXPIRED000000000", SecretAccessKey: "secret-1234"}},
		{
			reason: "a session that is over",
			secret: aws.Credentials{AccessKeyID: "ASIAEXPIRED000000000", SecretAccessKey: "secret-1234", SessionToken: "eyJhbGciOiJIUzUxMiJ9.e30.x"},
		},
		{reason: "a token that does not belong to the key", secret: aws.Credentials{AccessKeyID: minio.AccessKey, SecretAccessKey: minio.SecretKey, SessionToken: "over"}},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			client := connect(server.url, func(context.Context) (aws.Credentials, error) { return tt.secret, nil })
			s, k := s3store.New(client, bucket), storetest.KeyOf("paid")
			_, getErr := s.Get(t.Context(), k, 4)

			for call, err := range map[string]error{"get": getErr, "put": s.Put(t.Context(), k, []byte("paid")), "remove": s.Remove(t.Context(), k)} {
				if err == nil || !codec.IsTransient(err) {
					t.Errorf("%s = %v, want an error for now", call, err)
				}
			}
		})
	}
}

// An execution whose credentials expire now and then, and are renewed, ends as any other: its
// bodies run once.
func TestExecutionWhileCredentialsExpire(t *testing.T) {
	t.Parallel()

	server := onDisk(t)
	_, bucket := server.newBucket(t)

	var calls, expired, bodies atomic.Int64

	client := connect(server.url, func(context.Context) (aws.Credentials, error) {
		if calls.Add(1)%4 == 0 {
			expired.Add(1)
			return aws.Credentials{AccessKeyID: "ASIAEXPIRED000000000", SecretAccessKey: "secret-1234", SessionToken: "over"}, nil
		}

		return server.secret, nil
	}, func(o *s3.Options) { o.RetryMaxAttempts = 1 })
	c := codec.Chain(codec.JSON(), offload.New(s3store.New(client, bucket), offload.WithThreshold(0)))

	f := replay.Handler(func(ctx op.Context, n int) (string, error) {
		all, err := replay.Run(ctx, op.Map("all", make([]int, n), op.StepFunc("each", func(context.Context, int) (string, error) {
			return fmt.Sprint("result ", bodies.Add(1)), nil
		})))
		if err != nil {
			return "", err
		}

		return strconv.Itoa(len(all.Values())), replay.Exec(ctx, op.Wait("pause", time.Minute))
	}, replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c))

	r := replaytest.Run(t, f, 12)
	if r.Err != nil || r.Value != "12" || bodies.Load() != 12 || expired.Load() == 0 {
		t.Errorf("it ends with %q, %v after %d bodies and %d calls with old credentials", r.Value, r.Err, bodies.Load(), expired.Load())
	}
}

// A handler whose payloads are in S3 is interrupted everywhere, and raises no alarm.
func TestExploreWithS3(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, s stand) {
		t.Helper()

		_, bucket := s.newBucket(t)
		client := s.client(func(o *s3.Options) {
			o.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // the kit waits for what is open
		})
		c := codec.Chain(codec.JSON(), offload.New(s3store.New(client, bucket), offload.WithThreshold(0)))
		f := replay.Handler(func(ctx op.Context, n int) (string, error) {
			all, err := replay.Run(ctx, op.Map("all", make([]int, n), op.StepFunc("each", func(context.Context, int) (string, error) {
				return string(bytes.Repeat([]byte("x"), 5000)), nil
			})))
			if err != nil {
				return "", err
			}

			return strconv.Itoa(len(all.Values())), replay.Exec(ctx, op.Wait("pause", time.Minute))
		}, replay.WithCodec(c), replay.WithHandlerCodec(c))
		replaytest.Explore(t, f, 3, replaytest.WithSchedules(5))
	})
}
