package s3store_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/storetest"
	"github.com/perdure/perdure/internal/minio"
	"github.com/perdure/perdure/internal/moto"

	"github.com/perdure/perdure/codec/s3store"
)

// stand is a server that stands for S3, and missing why there is none.
type stand struct {
	name, url, kmsKey string
	dir               string // of its objects, if it has one
	secret            aws.Credentials
	missing           error
}

// stands are the servers that objects are kept in: moto's, which PyPI has, and MinIO, which keeps
// them on disk. Tests with one that is off are skipped.
var stands []stand

func TestMain(m *testing.M) {
	python, pythonErr := moto.Start(context.Background())
	disk, diskErr := minio.Start(context.Background())
	stands = []stand{
		{name: "moto", kmsKey: "alias/aws/s3", missing: pythonErr, secret: aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}},
		{name: "MinIO", kmsKey: minio.KMSKey, missing: diskErr, secret: aws.Credentials{AccessKeyID: minio.AccessKey, SecretAccessKey: minio.SecretKey}},
	}

	if python != nil {
		stands[0].url = python.URL
	}

	if disk != nil {
		stands[1].url, stands[1].dir = disk.URL, disk.Dir
	}

	code := m.Run()

	if python != nil {
		python.Close()
	}

	if disk != nil {
		disk.Close()
	}

	os.Exit(code)
}

// connect returns a client of the service at that address.
func connect(url string, credentials aws.CredentialsProviderFunc, opts ...func(*s3.Options)) *s3.Client {
	if credentials == nil {
		credentials = func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}
	}

	return s3.New(s3.Options{
		BaseEndpoint: &url, Region: "eu-west-1", RetryMaxAttempts: 1, UsePathStyle: true, Credentials: credentials,
	}, opts...)
}

// inEach runs a test with each of the servers.
func inEach(t *testing.T, test func(t *testing.T, s stand)) {
	t.Helper()

	for _, s := range stands {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()

			if errors.Is(s.missing, moto.ErrOff) || errors.Is(s.missing, minio.ErrOff) {
				t.Skip(s.missing)
			}

			if s.missing != nil {
				t.Fatal(s.missing)
			}

			test(t, s)
		})
	}
}

// client returns one with the credentials of the server.
func (s stand) client(opts ...func(*s3.Options)) *s3.Client {
	// moto answers with 500 now and then if one key is written twice at once.
	again := func(o *s3.Options) { o.RetryMaxAttempts = 5 }

	return connect(s.url, func(context.Context) (aws.Credentials, error) { return s.secret, nil },
		append([]func(*s3.Options){again}, opts...)...)
}

// newBucket returns a client of the server, and a bucket there that is of this test alone.
func (s stand) newBucket(t *testing.T) (*s3.Client, string) {
	t.Helper()

	client, name := s.client(), "perdure-"+strings.ToLower(rand.Text())

	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"},
	})
	if err != nil {
		t.Fatal(err)
	}

	return client, name
}

func TestStore(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, s stand) {
		t.Helper()
		storetest.Run(t, func(t *testing.T) offload.Listing {
			t.Helper()

			client, bucket := s.newBucket(t)

			return s3store.New(client, bucket)
		})
	})
}

func TestStoreWithoutAPrefix(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, s stand) {
		t.Helper()
		storetest.Run(t, func(t *testing.T) offload.Listing {
			t.Helper()

			client, bucket := s.newBucket(t)

			return s3store.New(client, bucket, s3store.WithPrefix(""), s3store.WithBucketOwner("123456789012"))
		})
	})
}

func TestObjectsLieUnderTheirExecution(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, stand stand) {
		t.Helper()
		objectsLieUnder(t, stand)
	})
}

func objectsLieUnder(t *testing.T, stand stand) {
	t.Helper()

	client, bucket := stand.newBucket(t)
	k := storetest.KeyOf("paid")
	s := s3store.New(client, bucket, s3store.WithPrefix("/shop/payloads/"), s3store.WithKMSKey(stand.kmsKey))

	for key, body := range map[string]string{
		"shop/payloads/readme": "x", "shop/payloads/a/b/" + k.Hash: "x", "shop/" + k.String(): "x", "shop/payloads/a/short": "x",
	} {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}

	if err := s.Put(t.Context(), k, []byte("paid")); err != nil {
		t.Fatal(err)
	}

	head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{
		Bucket: &bucket, Key: new("shop/payloads/" + k.Scope + "/" + k.Hash),
	})
	if err != nil || head.ServerSideEncryption != types.ServerSideEncryptionAwsKms || !strings.HasSuffix(aws.ToString(head.SSEKMSKeyId), stand.kmsKey) {
		t.Errorf("HeadObject = %+v, %v, want SSE-KMS", head, err)
	}

	var found []offload.Key

	for o, err := range s.Objects(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}

		found = append(found, o.Key)
	}

	if len(found) != 1 || found[0] != k {
		t.Errorf("objects = %v, want %v alone", found, k)
	}
}

func TestS3ChecksTheHash(t *testing.T) {
	t.Parallel()

	var sent http.Header

	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sent = r.Header }))
	t.Cleanup(service.Close)

	err := s3store.New(connect(service.URL, nil), "bucket").Put(t.Context(), storetest.KeyOf("paid"), []byte("other"))
	sum := sha256.Sum256([]byte("paid"))

	if want := base64.StdEncoding.EncodeToString(sum[:]); err != nil || sent.Get("X-Amz-Checksum-Sha256") != want {
		t.Errorf("Put = %v with headers %v, want the checksum %s", err, sent, want)
	}
}

var (
	charge = codec.Meta{ExecutionARN: "arn:1", OperationID: "7d1f", OperationName: "charge"}
	began  = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
)

func TestObjectsThatAreLostChangedOrLate(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason    string
		later     time.Duration
		damage    func(t *testing.T, client *s3.Client, bucket, key string)
		is        error
		transient bool
	}{
		{reason: "there", damage: func(*testing.T, *s3.Client, string, string) {}},
		{reason: "late", damage: remove, is: offload.ErrAbsent, transient: true},
		{reason: "lost", later: time.Hour, damage: remove, is: offload.ErrAbsent},
		{reason: "changed", damage: replaceBy(`"pays"`), is: offload.ErrMismatch},
		{reason: "cut off", damage: replaceBy(`"pa`), is: offload.ErrMismatch},
		{reason: "longer", damage: replaceBy(`"paid" and more`), is: offload.ErrMismatch},
		{reason: "empty", damage: replaceBy(``), is: offload.ErrMismatch},
	}

	inEach(t, func(t *testing.T, s stand) {
		t.Helper()

		for _, tt := range tests {
			t.Run(tt.reason, func(t *testing.T) {
				t.Parallel()

				client, bucket := s.newBucket(t)
				now := began
				c := codec.Chain(codec.JSON(), offload.New(s3store.New(client, bucket), offload.WithThreshold(0),
					offload.WithClock(func() time.Time { return now })))

				p, err := codec.Encode(t.Context(), c, charge, "paid")
				if err != nil {
					t.Fatal(err)
				}

				info, _, _ := offload.Inspect(p)
				tt.damage(t, client, bucket, "perdure/"+info.Key.String())

				now = began.Add(tt.later)

				err = codec.Decode(t.Context(), c, charge, p, new(string))
				if !errors.Is(err, tt.is) || (err == nil) != (tt.is == nil) || codec.IsTransient(err) != tt.transient {
					t.Errorf("Decode = %v, transient %v, want %v, %v", err, codec.IsTransient(err), tt.is, tt.transient)
				}

				for _, part := range []string{info.Key.String(), `"charge"`, `"7d1f"`} {
					if err != nil && !strings.Contains(err.Error(), part) {
						t.Errorf("message %v does not contain %s", err, part)
					}
				}
			})
		}
	})
}

func remove(t *testing.T, client *s3.Client, bucket, key string) {
	t.Helper()

	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		t.Fatal(err)
	}
}

func replaceBy(body string) func(*testing.T, *s3.Client, string, string) {
	return func(t *testing.T, client *s3.Client, bucket, key string) {
		t.Helper()

		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFailuresOfS3(t *testing.T) {
	t.Parallel()

	answers := func(status int, code string) *s3.Client {
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<Error><Code>" + code + "</Code><Message>no</Message></Error>"))
		}))
		t.Cleanup(service.Close)

		return connect(service.URL, nil)
	}
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "6")
		_, _ = w.Write([]byte(`"pa`))
	}))
	t.Cleanup(cut.Close)

	tests := []struct {
		reason    string
		client    *s3.Client
		transient bool
		absent    bool
		reads     bool // it fails on reading alone
	}{
		{reason: "expired credentials", client: answers(400, "ExpiredToken"), transient: true},
		{reason: "a permission that is missing", client: answers(403, "AccessDenied"), transient: true},
		{reason: "too many calls", client: answers(503, "SlowDown"), transient: true},
		{reason: "a fault of S3", client: answers(500, "InternalError"), transient: true},
		{reason: "no bucket", client: answers(404, "NoSuchBucket")},
		{reason: "no object", client: answers(404, "NoSuchKey"), absent: true},
		{reason: "a bucket in another region", client: answers(400, "AuthorizationHeaderMalformed")},
		{reason: "nothing listens", client: connect("http://127.0.0.1:1", nil), transient: true},
		{reason: "an answer that is cut off", client: connect(cut.URL, nil), transient: true, reads: true},
		{
			reason: "credentials that cannot be had", transient: true,
			client: connect(cut.URL, func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, errors.New("the token has expired and the refresh failed")
			}),
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			s, k := s3store.New(tt.client, "bucket"), storetest.KeyOf("paid")
			_, getErr := s.Get(t.Context(), k, 6)
			errs := map[string]error{"get": getErr}

			if !tt.reads {
				errs["put"], errs["remove"] = s.Put(t.Context(), k, []byte("paid")), s.Remove(t.Context(), k)
			}

			for call, err := range errs {
				if err == nil || codec.IsTransient(err) != tt.transient || !strings.Contains(err.Error(), "s3://bucket/perdure/"+k.String()) {
					t.Errorf("%s = %v, transient %v, want %v", call, err, codec.IsTransient(err), tt.transient)
				}
			}

			if errors.Is(getErr, fs.ErrNotExist) != tt.absent {
				t.Errorf("get = %v, want absent %v", getErr, tt.absent)
			}

			if tt.reads {
				return
			}

			for _, err := range s.Objects(t.Context()) {
				if err == nil || codec.IsTransient(err) != tt.transient {
					t.Errorf("objects = %v, want transient %v", err, tt.transient)
				}
			}
		})
	}
}

func TestStoresThatAreNone(t *testing.T) {
	t.Parallel()

	for _, s := range []*s3store.Store{s3store.New(nil, "bucket"), s3store.New(connect("http://127.0.0.1:1", nil), "")} {
		k := storetest.KeyOf("paid")
		_, getErr := s.Get(t.Context(), k, 6)

		for _, err := range []error{getErr, s.Put(t.Context(), k, nil), s.Remove(t.Context(), k)} {
			if err == nil || codec.IsTransient(err) {
				t.Errorf("error = %v, want one for good", err)
			}
		}

		for _, err := range s.Objects(t.Context()) {
			if err == nil {
				t.Error("Objects returned something")
			}
		}
	}
}

// A map of many results reads them beside each other: what is slow is the way to S3.
func TestObjectsAreReadBesideEachOther(t *testing.T) {
	t.Parallel()

	const objects, latency = 100, 30 * time.Millisecond

	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(latency)
		_, _ = w.Write([]byte(`"paid"`))
	}))
	t.Cleanup(service.Close)

	c := codec.Chain(codec.JSON(), offload.New(s3store.New(connect(service.URL, nil), "bucket"), offload.WithThreshold(0)))

	p, err := codec.Encode(t.Context(), c, charge, "paid")
	if err != nil {
		t.Fatal(err)
	}

	done := make(chan error, objects)
	start := time.Now()

	for range objects {
		go func() { done <- codec.Decode(t.Context(), c, charge, p, new(string)) }()
	}

	for range objects {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}

	if took := time.Since(start); took > objects*latency/2 {
		t.Errorf("%d objects of %v each took %v", objects, latency, took)
	}
}
