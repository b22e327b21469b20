// Package s3store keeps offloaded payloads in Amazon S3.
//
// The key of an object is a prefix, its scope, and its hash: perdure/orders_o-1-1dad…/9f86…. All
// objects of an execution have one prefix, so that permissions and lifecycle rules can be given by
// it. S3 checks the hash when an object is put.
//
// A function needs s3:PutObject and s3:GetObject; with s3:ListBucket a missing object is reported
// as missing, and without it as access denied. With a KMS key it needs kms:GenerateDataKey and
// kms:Decrypt. [offload.Collect] needs s3:ListBucket and s3:DeleteObject.
package s3store

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/internal/awsfault"
)

// Client is what is used of an [s3.Client]. It retries calls by itself: what is reported after that
// is left to those who run the conversion.
type Client interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, opts ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	DeleteObject(ctx context.Context, in *s3.DeleteObjectInput, opts ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
}

// Option is an option of [New].
type Option interface{ apply(s *Store) }

type option func(s *Store)

func (f option) apply(s *Store) { f(s) }

// WithPrefix has all keys begin with prefix and a slash. The default is perdure; an empty one is
// none.
func WithPrefix(prefix string) Option {
	return option(func(s *Store) { s.prefix = strings.Trim(prefix, "/") })
}

// WithKMSKey has S3 encrypt objects with that key of AWS KMS, by ID, ARN or alias (SSE-KMS with a
// bucket key). By default and with an empty one, objects are encrypted as the bucket says, which is
// SSE-S3 unless it says otherwise.
func WithKMSKey(key string) Option {
	return option(func(s *Store) { s.kmsKey = key })
}

// WithBucketOwner has all calls fail if the bucket is not of that account, so that nothing is
// written to a bucket of that name that others have made. By default and with an empty one this is
// not checked.
func WithBucketOwner(account string) Option {
	return option(func(s *Store) { s.owner = account })
}

// Store is a bucket of objects, made by [New].
type Store struct {
	client                        Client
	bucket, prefix, kmsKey, owner string
}

var _ offload.Listing = (*Store)(nil)

// New returns the store in that bucket. All calls fail if the client is nil or the bucket empty.
func New(client Client, bucket string, opts ...Option) *Store {
	s := &Store{client: client, bucket: bucket, prefix: "perdure"}
	for _, o := range opts {
		o.apply(s)
	}

	return s
}

// Put keeps the object. S3 refuses it if its bytes do not have the hash of its key. Errors are
// transient or permanent as the answer of S3 says; expired credentials, missing permissions and a
// service that cannot be reached are transient.
func (s *Store) Put(ctx context.Context, k offload.Key, object []byte) error {
	if err := s.check(); err != nil {
		return err
	}

	sum, err := hex.DecodeString(k.Hash)
	if err != nil {
		return fmt.Errorf("s3store: the hash %q of the key is not in hexadecimal digits", k.Hash)
	}

	in := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: new(s.name(k)), Body: bytes.NewReader(object), ContentLength: new(int64(len(object))),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumSHA256: new(base64.StdEncoding.EncodeToString(sum)),
		ContentType: new("application/octet-stream"), ExpectedBucketOwner: optional(s.owner),
	}
	if s.kmsKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = types.ServerSideEncryptionAwsKms, &s.kmsKey, new(true)
	}

	if _, err := s.client.PutObject(ctx, in); err != nil {
		return s.failed("put", k, err)
	}

	return nil
}

// Get returns the object. The error is [fs.ErrNotExist] if there is none, and otherwise as that of
// Put.
func (s *Store) Get(ctx context.Context, k offload.Key, size int64) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}

	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.bucket, Key: new(s.name(k)), ExpectedBucketOwner: optional(s.owner),
	})
	if err != nil {
		return nil, s.failed("get", k, err)
	}
	defer out.Body.Close()

	object, err := read(out.Body, size, out.ContentLength)
	if err != nil {
		return nil, s.failed("read", k, err)
	}

	return object, nil
}

// read reads size bytes, and one more if there is one. A body that ends before its length was cut
// off on the way.
func read(body io.Reader, size int64, length *int64) ([]byte, error) {
	if length == nil || *length < 0 {
		return io.ReadAll(io.LimitReader(body, size+1))
	}

	object := make([]byte, min(size+1, *length))
	_, err := io.ReadFull(body, object)

	return object, err
}

// Objects returns the objects under the prefix in the order of their names. Other keys under it are
// left out.
func (s *Store) Objects(ctx context.Context) iter.Seq2[offload.Object, error] {
	return func(yield func(offload.Object, error) bool) {
		if err := s.check(); err != nil {
			yield(offload.Object{}, err)
			return
		}

		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
			Bucket: &s.bucket, Prefix: new(s.root()), ExpectedBucketOwner: optional(s.owner),
		})

		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(offload.Object{}, fmt.Errorf("s3store: list s3://%s/%s: %w", s.bucket, s.root(), awsfault.Mark(err)))
				return
			}

			for _, o := range page.Contents {
				if found, ok := s.object(o); ok && !yield(found, nil) {
					return
				}
			}
		}
	}
}

// object returns what S3 lists, if it may be one of ours.
func (s *Store) object(o types.Object) (offload.Object, bool) {
	if o.Key == nil || o.Size == nil || o.LastModified == nil {
		return offload.Object{}, false
	}

	scope, hash, ok := strings.Cut(strings.TrimPrefix(*o.Key, s.root()), "/")
	if sum, err := hex.DecodeString(hash); !ok || scope == "" || err != nil || len(sum) != 32 {
		return offload.Object{}, false
	}

	return offload.Object{Key: offload.Key{Scope: scope, Hash: hash}, Size: *o.Size, Written: *o.LastModified}, true
}

// Remove removes the object. In a bucket with versions S3 keeps it as an old one.
func (s *Store) Remove(ctx context.Context, k offload.Key) error {
	if err := s.check(); err != nil {
		return err
	}

	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &s.bucket, Key: new(s.name(k)), ExpectedBucketOwner: optional(s.owner),
	})
	if err != nil {
		return s.failed("remove", k, err)
	}

	return nil
}

func (s *Store) check() error {
	if s.client == nil || s.bucket == "" {
		return errors.New("s3store.New: the client is nil or the name of the bucket is empty")
	}

	return nil
}

// root is what all keys begin with.
func (s *Store) root() string {
	if s.prefix == "" {
		return ""
	}

	return s.prefix + "/"
}

func (s *Store) name(k offload.Key) string {
	return s.root() + k.String()
}

// failed names the object and says whether the failure passes.
func (s *Store) failed(verb string, k offload.Key, err error) error {
	_, absent := errors.AsType[*types.NoSuchKey](err)
	if absent {
		err = codec.Permanent(fmt.Errorf("%w: %w", fs.ErrNotExist, err))
	} else {
		err = awsfault.Mark(err)
	}

	return fmt.Errorf("s3store: %s s3://%s/%s: %w", verb, s.bucket, s.name(k), err)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}

	return &s
}
