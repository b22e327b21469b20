package awskms_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"

	"github.com/perdure/perdure/codec/awskms"
)

// late is a KMS that takes a delay for each answer. Its data keys are encrypted by writing the name
// of their KMS key before them.
type late struct {
	mu                 sync.Mutex
	generated, decrypt int
	err                error
	delay              time.Duration
}

func (l *late) answer(ctx context.Context, count *int) error {
	l.mu.Lock()
	*count++
	err := l.err
	l.mu.Unlock()

	select {
	case <-time.After(l.delay):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *late) GenerateDataKey(
	ctx context.Context, in *kms.GenerateDataKeyInput, _ ...func(*kms.Options),
) (*kms.GenerateDataKeyOutput, error) {
	if err := l.answer(ctx, &l.generated); err != nil {
		return nil, err
	}

	secret := []byte(strings.Repeat(string(rune('a'+l.generated)), seal.KeySize))

	return &kms.GenerateDataKeyOutput{Plaintext: secret, CiphertextBlob: []byte(*in.KeyId + ":" + string(secret))}, nil
}

func (l *late) Decrypt(ctx context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	if err := l.answer(ctx, &l.decrypt); err != nil {
		return nil, err
	}

	master, secret, ok := strings.Cut(string(in.CiphertextBlob), ":")

	switch {
	case !ok:
		return nil, &types.InvalidCiphertextException{}
	case master == "denied":
		return nil, &smithy.GenericAPIError{Code: "AccessDeniedException"}
	case master != *in.KeyId:
		return nil, &types.IncorrectKeyException{}
	}

	return &kms.DecryptOutput{Plaintext: []byte(secret)}, nil
}

func (l *late) calls() [2]int {
	l.mu.Lock()
	defer l.mu.Unlock()

	return [2]int{l.generated, l.decrypt}
}

// all runs n calls at once and returns their errors, joined.
func all(n int, call func() error) error {
	errs := make([]error, n)

	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = call() })
	}

	wg.Wait()

	return errors.Join(errs...)
}

func TestDataKeysAreKeptWithinLimits(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason string
		opts   []awskms.Option
		rounds int // of 10 payloads at once, each sealed and opened, a minute apart
		want   [2]int
	}{
		{reason: "one data key for many payloads, which opens them without a call", rounds: 3, want: [2]int{1, 0}},
		{reason: "until it is old", rounds: 7, want: [2]int{2, 0}},
		{reason: "until it has sealed enough", rounds: 3, opts: []awskms.Option{awskms.WithMaxPayloads(10)}, want: [2]int{3, 0}},
		{
			reason: "never more than that, also at once", rounds: 1,
			opts: []awskms.Option{awskms.WithMaxPayloads(1)}, want: [2]int{10, 0},
		},
		{
			reason: "a call for each payload", rounds: 1, opts: []awskms.Option{awskms.WithMaxAge(0)}, want: [2]int{10, 10},
		},
		{
			reason: "few keys to open with", rounds: 1,
			opts: []awskms.Option{awskms.WithMaxPayloads(1), awskms.WithMaxKeys(1)}, want: [2]int{10, 10},
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := &late{delay: time.Second}
				keys := awskms.New(client, "now", tt.opts...)

				for range tt.rounds {
					sealed := make(chan *seal.Key, 10)

					err := all(10, func() error {
						k, err := keys.SealingKey(t.Context(), seal.Origin{})
						sealed <- k

						return err
					})
					close(sealed)

					for k := range sealed {
						if err != nil {
							t.Fatal(err)
						}

						if _, err := keys.OpeningKey(t.Context(), seal.Origin{}, k.ID()); err != nil {
							t.Fatal(err)
						}
					}

					time.Sleep(time.Minute)
				}

				if got := client.calls(); got != tt.want {
					t.Errorf("KMS was called %v times to generate and decrypt, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestCallsAtOnceAreOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &late{delay: time.Second}
		keys := awskms.New(client, "now")
		id := "now:" + strings.Repeat("x", seal.KeySize)

		err := all(100, func() error {
			_, err := keys.OpeningKey(t.Context(), seal.Origin{}, id)
			return err
		})
		if got := client.calls(); err != nil || got != [2]int{0, 1} {
			t.Errorf("%v calls, %v, want one to decrypt", got, err)
		}
	})
}

func TestACallThatEndsWithItsCallerIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &late{delay: time.Second}
		keys := awskms.New(client, "now")
		id := "now:" + strings.Repeat("x", seal.KeySize)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)

		defer cancel()

		first := make(chan error, 1)

		go func() {
			_, err := keys.OpeningKey(ctx, seal.Origin{}, id)
			first <- err
		}()

		synctest.Wait()

		if _, err := keys.OpeningKey(t.Context(), seal.Origin{}, id); err != nil {
			t.Errorf("the one who waited: %v", err)
		}

		if err := <-first; !errors.Is(err, context.DeadlineExceeded) || !codec.IsTransient(err) {
			t.Errorf("the one who left: %v", err)
		}

		// One who waits does not wait longer than it may.
		go func() { _, _ = keys.OpeningKey(t.Context(), seal.Origin{}, id+"2") }()

		synctest.Wait()

		short, end := context.WithTimeout(t.Context(), time.Second/4)
		defer end()

		began := time.Now()
		if _, err := keys.OpeningKey(short, seal.Origin{}, id+"2"); !codec.IsTransient(err) || time.Since(began) != time.Second/4 {
			t.Errorf("waited %v: %v", time.Since(began), err)
		}

		time.Sleep(time.Second)
	})
}

func TestOtherKeysOfKMS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old := "old:" + strings.Repeat("x", seal.KeySize)
		client := &late{delay: time.Second}

		if _, err := awskms.New(client, "now").OpeningKey(t.Context(), seal.Origin{}, old); !errors.Is(err, seal.ErrNoKey) ||
			codec.IsTransient(err) || !strings.Contains(err.Error(), `["now"]`) {
			t.Errorf("a key of KMS that is not ours: %v, want ErrNoKey for good", err)
		}

		keys := awskms.New(client, "now", awskms.WithOldKeys("older", "old"))
		if _, err := keys.OpeningKey(t.Context(), seal.Origin{}, old); err != nil {
			t.Errorf("an old key: %v", err)
		}

		// KMS says of some keys that are not ours that we may not use them: the others are tried
		// all the same.
		if _, err := keys.OpeningKey(t.Context(), seal.Origin{}, "denied:"+old); err == nil || !codec.IsTransient(err) {
			t.Errorf("a key that may not be used: %v, want an error for now", err)
		}

		if _, err := keys.OpeningKey(t.Context(), seal.Origin{}, "nonsense"); err == nil || codec.IsTransient(err) {
			t.Errorf("what KMS has not encrypted: %v, want an error for good", err)
		}

		if _, err := keys.OpeningKey(t.Context(), seal.Origin{}, "now:short"); err == nil || codec.IsTransient(err) {
			t.Errorf("a data key that is too short: %v, want an error for good", err)
		}
	})
}

func TestFailuresOfKMS(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason    string
		err       error
		transient bool
	}{
		{reason: "throttled", err: &smithy.GenericAPIError{Code: "ThrottlingException"}, transient: true},
		{reason: "expired credentials", err: &smithy.GenericAPIError{Code: "ExpiredTokenException"}, transient: true},
		{reason: "a permission that is missing", err: &smithy.GenericAPIError{Code: "AccessDeniedException"}, transient: true},
		{reason: "no answer", err: errors.New("dial tcp: connection refused"), transient: true},
		{reason: "not available for now", err: &types.KeyUnavailableException{}, transient: true},
		{reason: "disabled", err: &types.DisabledException{}},
		{reason: "deleted", err: &types.KMSInvalidStateException{}},
		{reason: "unknown", err: &types.NotFoundException{}},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				keys := awskms.New(&late{err: tt.err}, "now")
				_, sealing := keys.SealingKey(t.Context(), seal.Origin{})
				_, opening := keys.OpeningKey(t.Context(), seal.Origin{}, "now:x")

				for _, err := range []error{sealing, opening} {
					if !errors.Is(err, tt.err) || codec.IsTransient(err) != tt.transient || !strings.Contains(err.Error(), "now") {
						t.Errorf("error = %v, transient %v, want %v", err, codec.IsTransient(err), tt.transient)
					}
				}
			})
		})
	}

	for _, keys := range []seal.Keyring{awskms.New(nil, "now"), awskms.New(&late{}, "")} {
		_, sealing := keys.SealingKey(t.Context(), seal.Origin{})
		if _, err := keys.OpeningKey(t.Context(), seal.Origin{}, "x"); err == nil || sealing == nil {
			t.Errorf("errors = %v, %v, want both", sealing, err)
		}
	}
}
