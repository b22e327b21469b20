// Package awskms seals payloads with data keys of AWS KMS.
//
// [New] makes a [seal.Keyring]. To seal, KMS generates a data key under a KMS key; payloads are
// recorded with the data key as KMS has encrypted it, which adds about 190 bytes to each. To open,
// KMS decrypts it. Data keys are kept in memory, so that KMS is called for a few payloads only:
// limits for that are options.
//
// The keys of KMS may be rotated there at any time. To change to another KMS key, have all code
// that runs open with it ([WithOldKeys]), and then seal with it.
//
// A function needs kms:GenerateDataKey for the key it seals with, and kms:Decrypt for all of them.
package awskms

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/internal/awsfault"
)

// Client is what is used of a [kms.Client]. It retries calls by itself: what is reported after that
// is left to those who run the conversion.
type Client interface {
	GenerateDataKey(ctx context.Context, in *kms.GenerateDataKeyInput, opts ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error)
	Decrypt(ctx context.Context, in *kms.DecryptInput, opts ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// Option is an option of [New].
type Option interface{ apply(k *keyring) }

type option func(k *keyring)

func (f option) apply(k *keyring) { f(k) }

// WithOldKeys opens payloads of these KMS keys too, by ID, ARN or alias. An alias means the key
// that it points to now.
func WithOldKeys(keys ...string) Option {
	return option(func(k *keyring) { k.keys = append(k.keys, keys...) })
}

// WithEncryptionContext binds data keys to these names and values, which the trail of KMS shows in
// plain text. Payloads are opened with the same ones only. By default there are none.
func WithEncryptionContext(context map[string]string) Option {
	return option(func(k *keyring) { k.context = maps.Clone(context) })
}

// WithMaxAge keeps a data key in memory for d at most. The default is 5 minutes; zero, and less,
// keep none, so that KMS is called for each payload.
func WithMaxAge(d time.Duration) Option {
	return option(func(k *keyring) { k.maxAge = d })
}

// WithMaxPayloads seals at most n payloads with a data key. The default is 1048576, zero means the
// default, and more than 4294967296 means that (NIST SP 800-38D, 8.3).
func WithMaxPayloads(n uint64) Option {
	return option(func(k *keyring) { k.maxPayloads = n })
}

// WithMaxKeys keeps at most n data keys in memory to open with, those that were used last. The
// default is 256; zero, and less, mean the default.
func WithMaxKeys(n int) Option {
	return option(func(k *keyring) { k.maxKeys = n })
}

// WithClock takes the time from now instead of the system: for tests. Nil means the system.
func WithClock(now func() time.Time) Option {
	return option(func(k *keyring) { k.now = now })
}

// New returns a keyring that seals under that KMS key, by ID, ARN or alias.
//
// Its errors are transient if KMS cannot be reached, throttles or fails, if credentials have
// expired, if a permission is missing, and if the key is not available for now. They are permanent
// if the key was disabled or deleted, if a payload is of another KMS key ([seal.ErrNoKey]), or if
// the client is nil or the key empty.
func New(client Client, key string, opts ...Option) seal.Keyring {
	const defaultKeys, defaultPayloads, mostPayloads = 256, 1 << 20, 1 << 32

	k := &keyring{client: client, keys: []string{key}, maxAge: 5 * time.Minute}
	for _, o := range opts {
		o.apply(k)
	}

	if k.now == nil {
		k.now = time.Now //nolint:forbidigo // how long a key is kept changes no payload
	}

	if k.maxKeys <= 0 {
		k.maxKeys = defaultKeys
	}

	if k.maxPayloads == 0 {
		k.maxPayloads = defaultPayloads
	}

	k.maxPayloads = min(k.maxPayloads, mostPayloads)
	k.opened, k.err = simplelru.NewLRU[string, kept](k.maxKeys, nil)

	if client == nil || key == "" {
		k.err = errors.New("awskms.New: the client is nil or the ID of the key is empty")
	}

	return k
}

type keyring struct {
	client      Client
	keys        []string // the first one seals
	context     map[string]string
	maxAge      time.Duration
	maxPayloads uint64
	maxKeys     int
	now         func() time.Time
	err         error

	mu      sync.Mutex // guards what follows
	sealing kept
	sealed  uint64 // payloads sealed with it
	opened  *simplelru.LRU[string, kept]

	generating, decrypting flight
}

// kept is a data key in memory.
type kept struct {
	key   *seal.Key
	until time.Time
}

// SealingKey returns the data key that is in use, or has KMS generate the next one.
func (k *keyring) SealingKey(ctx context.Context, _ seal.Origin) (*seal.Key, error) {
	if k.err != nil {
		return nil, k.err
	}

	for {
		if key := k.current(); key != nil {
			return key, nil
		}

		key, own, err := k.generating.do(ctx, k.keys[0], func() (*seal.Key, error) { return k.generate(ctx) })
		if own || err != nil {
			return key, err
		}
		// Another call has brought the next one, which counts the payloads that are sealed with it.
	}
}

// current counts a payload, and returns the data key in use; nil if there is none.
func (k *keyring) current() *seal.Key {
	k.mu.Lock()
	defer k.mu.Unlock()

	if k.sealing.key == nil || k.sealed >= k.maxPayloads || !k.now().Before(k.sealing.until) {
		return nil
	}

	k.sealed++

	return k.sealing.key
}

func (k *keyring) generate(ctx context.Context) (*seal.Key, error) {
	began := k.now()

	out, err := k.client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
		KeyId: &k.keys[0], KeySpec: types.DataKeySpecAes256, EncryptionContext: k.context,
	})
	if err != nil {
		return nil, fmt.Errorf("awskms: generate a data key under %s: %w", k.keys[0], mark(err))
	}

	key, err := seal.NewKey(string(out.CiphertextBlob), out.Plaintext)
	clear(out.Plaintext)

	if err != nil {
		return nil, fmt.Errorf("awskms: the data key that KMS generated under %s: %w", k.keys[0], err)
	}

	k.mu.Lock()
	defer k.mu.Unlock()

	k.sealing, k.sealed = kept{key, began.Add(k.maxAge)}, 1
	k.keep(k.sealing)

	return key, nil
}

// keep has the key in memory to open with. Called with the lock held.
func (k *keyring) keep(key kept) {
	if k.maxAge > 0 {
		k.opened.Add(key.key.ID(), key)
	}
}

// OpeningKey returns the data key with that encrypted form from memory, or has KMS decrypt it.
func (k *keyring) OpeningKey(ctx context.Context, _ seal.Origin, id string) (*seal.Key, error) {
	if k.err != nil {
		return nil, k.err
	}

	if key := k.known(id); key != nil {
		return key, nil
	}

	key, _, err := k.decrypting.do(ctx, id, func() (*seal.Key, error) { return k.decrypt(ctx, id) })

	return key, err
}

func (k *keyring) known(id string) *seal.Key {
	k.mu.Lock()
	defer k.mu.Unlock()

	key, ok := k.opened.Get(id)
	if !ok || !k.now().Before(key.until) {
		return nil
	}

	return key.key
}

// decrypt tries the KMS keys in turn. KMS would find the key by itself, but then also one of
// another account: whoever could write to the log could have us open what they have sealed.
func (k *keyring) decrypt(ctx context.Context, id string) (*seal.Key, error) {
	began := k.now()

	var denied error

	for _, master := range k.keys {
		out, err := k.client.Decrypt(ctx, &kms.DecryptInput{
			CiphertextBlob: []byte(id), KeyId: &master, EncryptionContext: k.context,
		})
		if _, other := errors.AsType[*types.IncorrectKeyException](err); other {
			continue
		}

		if err != nil {
			err = fmt.Errorf("awskms: decrypt a data key under %s: %w", master, mark(err))
		}

		if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "AccessDeniedException" {
			denied = err // it may be of another key: KMS does not say
			continue
		}

		if err != nil {
			return nil, err
		}

		key, err := seal.NewKey(id, out.Plaintext)
		clear(out.Plaintext)

		if err != nil {
			return nil, fmt.Errorf("awskms: what KMS decrypted under %s is no data key: %w", master, err)
		}

		k.mu.Lock()
		defer k.mu.Unlock()

		k.keep(kept{key, began.Add(k.maxAge)})

		return key, nil
	}

	if denied != nil {
		return nil, denied
	}

	return nil, fmt.Errorf("awskms: %w: the data key is not of KMS key %q: add the one it is of with awskms.WithOldKeys",
		seal.ErrNoKey, k.keys)
}

// mark says whether a failure of KMS passes. Statuses of KMS are 500 also for keys in a state that
// does not pass.
func mark(err error) error {
	if _, ok := errors.AsType[*types.KeyUnavailableException](err); ok {
		return codec.Transient(err)
	}

	return awsfault.Mark(err, "DisabledException", "KMSInvalidStateException", "NotFoundException", "InvalidCiphertextException",
		"InvalidKeyUsageException", "InvalidGrantTokenException")
}
