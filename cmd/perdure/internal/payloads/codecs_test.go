package payloads_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/awskms"
	"github.com/perdure/perdure/codec/compress"
	"github.com/perdure/perdure/codec/offload"
	"github.com/perdure/perdure/codec/offload/filestore"
	"github.com/perdure/perdure/codec/s3store"
	"github.com/perdure/perdure/codec/seal"
)

// moods makes calls fail for now: every n-th, and none of one thing twice in a row. Nil
// ones never fail.
type moods struct {
	every int

	mu    sync.Mutex
	calls int
	last  map[string]bool
}

func (m *moods) fails(what string) error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last[what] {
		delete(m.last, what)
		return nil
	}
	if m.calls++; m.calls%m.every != 0 {
		return nil
	}
	if m.last == nil {
		m.last = make(map[string]bool)
	}
	m.last[what] = true
	return &smithy.GenericAPIError{Code: "ThrottlingException", Message: "too many calls"}
}

// fickle is a transform that fails for now.
type fickle struct {
	codec.Transform

	moods *moods
}

func (f fickle) Apply(ctx context.Context, at codec.Stage, p []byte) ([]byte, bool, error) {
	if err := f.moods.fails(fmt.Sprint("apply ", f.Name(), at)); err != nil {
		return nil, false, codec.Transient(err)
	}
	return f.Transform.Apply(ctx, at, p)
}

func (f fickle) Revert(ctx context.Context, at codec.Stage, p []byte) ([]byte, error) {
	if err := f.moods.fails(fmt.Sprint("revert ", f.Name(), at)); err != nil {
		return nil, codec.Transient(err)
	}
	return f.Transform.Revert(ctx, at, p)
}

// vault is KMS: what a data key is encrypted to is its number.
type vault struct {
	moods *moods

	mu   sync.Mutex
	keys [][]byte
}

// GenerateDataKey implements [awskms.Client].
func (v *vault) GenerateDataKey(
	_ context.Context, in *kms.GenerateDataKeyInput, _ ...func(*kms.Options),
) (*kms.GenerateDataKeyOutput, error) {
	if err := v.moods.fails("generate"); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	key := bytes.Repeat([]byte{byte('a' + len(v.keys)%26)}, seal.KeySize)
	v.keys = append(v.keys, key)
	return &kms.GenerateDataKeyOutput{KeyId: in.KeyId, Plaintext: bytes.Clone(key), CiphertextBlob: fmt.Append(nil, "key ", len(v.keys)-1)}, nil
}

// Decrypt implements [awskms.Client].
func (v *vault) Decrypt(_ context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	if err := v.moods.fails(string(in.CiphertextBlob)); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	var n int
	if _, err := fmt.Sscanf(string(in.CiphertextBlob), "key %d", &n); err != nil || n < 0 || n >= len(v.keys) {
		return nil, &kmstypes.InvalidCiphertextException{}
	}
	return &kms.DecryptOutput{KeyId: in.KeyId, Plaintext: bytes.Clone(v.keys[n])}, nil
}

// bucket is S3.
type bucket struct {
	moods   *moods
	objects sync.Map
}

// PutObject implements [s3store.Client].
func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if err := b.moods.fails("put " + *in.Key); err != nil {
		return nil, err
	}
	object, err := io.ReadAll(in.Body)
	b.objects.Store(*in.Key, object)
	return &s3.PutObjectOutput{}, err
}

// GetObject implements [s3store.Client].
func (b *bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if err := b.moods.fails("get " + *in.Key); err != nil {
		return nil, err
	}
	kept, _ := b.objects.Load(*in.Key)
	object, ok := kept.([]byte)
	if !ok {
		return nil, &s3types.NoSuchKey{}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(object)), ContentLength: new(int64(len(object)))}, nil
}

// ListObjectsV2 implements [s3store.Client].
func (*bucket) ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	return &s3.ListObjectsV2Output{}, nil
}

// DeleteObject implements [s3store.Client].
func (b *bucket) DeleteObject(_ context.Context, in *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	b.objects.Delete(*in.Key)
	return &s3.DeleteObjectOutput{}, nil
}

// codecs are the ways that payloads can take, by what they are. Each makes the transforms of one
// chain; what it waits for fails as the moods say.
func codecs() map[string]func(t *testing.T, m *moods) []codec.Transform {
	one := func(make func(t *testing.T) codec.Transform) func(*testing.T, *moods) []codec.Transform {
		return func(t *testing.T, m *moods) []codec.Transform {
			t.Helper()
			if m == nil {
				return []codec.Transform{make(t)}
			}
			return []codec.Transform{fickle{make(t), m}}
		}
	}
	all := map[string]func(t *testing.T, m *moods) []codec.Transform{
		"JSON": func(*testing.T, *moods) []codec.Transform { return nil },
		"zstd": one(func(*testing.T) codec.Transform { return compress.Zstd(compress.WithThreshold(100)) }),
		"gzip": one(func(*testing.T) codec.Transform { return compress.Gzip(compress.WithThreshold(100)) }),
		"keys in memory": one(func(t *testing.T) codec.Transform {
			t.Helper()
			key, err := seal.GenerateKey("k1")
			if err != nil {
				t.Fatal(err)
			}
			return seal.New(seal.Static(key))
		}),
		"keys in a file": one(func(t *testing.T) codec.Transform {
			t.Helper()
			name := filepath.Join(t.TempDir(), "keys")
			text := "k1 " + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", seal.KeySize))) + "\n"
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return seal.New(seal.File(name))
		}),
		"keys of KMS": func(_ *testing.T, m *moods) []codec.Transform {
			return []codec.Transform{seal.New(awskms.New(&vault{moods: m}, "alias/perdure", awskms.WithMaxPayloads(3)))}
		},
		"a folder": one(func(t *testing.T) codec.Transform {
			t.Helper()
			store, err := filestore.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			return offload.New(store, offload.WithThreshold(0))
		}),
		"S3": func(_ *testing.T, m *moods) []codec.Transform {
			return []codec.Transform{offload.New(s3store.New(&bucket{moods: m}, "payloads"), offload.WithThreshold(500))}
		},
	}
	all["zstd, keys of KMS, S3"] = func(t *testing.T, m *moods) []codec.Transform {
		t.Helper()
		var chain []codec.Transform
		for _, name := range []string{"zstd", "keys of KMS", "S3"} {
			chain = append(chain, all[name](t, m)...)
		}
		return chain
	}
	return all
}
