package awskms_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/internal/moto"

	"github.com/perdure/perdure/codec/awskms"
)

// server is moto's server, and missing why there is none.
var (
	server  *moto.Server
	missing error
)

func TestMain(m *testing.M) {
	server, missing = moto.Start(context.Background())
	code := m.Run()

	if server != nil {
		server.Close()
	}

	os.Exit(code)
}

// newClient returns a client of the server.
func newClient(t *testing.T) *kms.Client {
	t.Helper()

	if errors.Is(missing, moto.ErrOff) {
		t.Skip(missing)
	}

	if missing != nil {
		t.Fatal(missing)
	}

	return kms.New(kms.Options{
		BaseEndpoint: &server.URL, Region: "eu-west-1", RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

func newMaster(t *testing.T, client *kms.Client) string {
	t.Helper()

	out, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}

	return *out.KeyMetadata.KeyId
}

var place = codec.Meta{ExecutionARN: "arn:1", OperationID: "7d1f", OperationName: "charge"}

func chain(client awskms.Client, key string, opts ...awskms.Option) codec.Codec {
	return codec.Chain(codec.JSON(), codec.Required(seal.New(awskms.New(client, key, opts...))))
}

func TestPayloadsAreSealedByKMS(t *testing.T) {
	t.Parallel()

	client := newClient(t)
	now, old, foreign := newMaster(t, client), newMaster(t, client), newMaster(t, client)
	tenant := awskms.WithEncryptionContext(map[string]string{"tenant": "a"})

	tests := []struct {
		reason string
		writer codec.Codec
		reader codec.Codec // in another process: nothing is kept
		fails  bool
		// transient says that the failure passes.
		transient bool
	}{
		{reason: "opened by another process", writer: chain(client, now), reader: chain(client, now)},
		{reason: "after a change of the key", writer: chain(client, old), reader: chain(client, now, awskms.WithOldKeys(old))},
		{
			reason: "with a key that is not ours, though KMS would open it", fails: true, transient: true, // moto denies access
			writer: chain(client, foreign), reader: chain(client, now, awskms.WithOldKeys(old)),
		},
		{reason: "with the same context", writer: chain(client, now, tenant), reader: chain(client, now, tenant)},
		{reason: "without the context", writer: chain(client, now, tenant), reader: chain(client, now), fails: true},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			p, err := codec.Encode(t.Context(), tt.writer, place, "4111 1111")
			if err != nil || strings.Contains(string(p), "4111") {
				t.Fatalf("Encode = %s, %v", p, err)
			}

			if len(p) > 700 {
				t.Errorf("the record has %d bytes, more than documented", len(p))
			}

			var got string

			err = codec.Decode(t.Context(), tt.reader, place, p, &got)
			if (err != nil) != tt.fails || codec.IsTransient(err) != tt.transient || !tt.fails && got != "4111 1111" {
				t.Errorf("Decode = %q, %v, transient %v, want failure %v, transient %v",
					got, err, codec.IsTransient(err), tt.fails, tt.transient)
			}
		})
	}
}

func TestAKeyThatDoesNotExist(t *testing.T) {
	t.Parallel()

	if _, err := codec.Encode(t.Context(), chain(newClient(t), "alias/none"), place, 1); err == nil || codec.IsTransient(err) {
		t.Errorf("Encode = %v, want an error for good", err)
	}
}

func TestCredentialsThatCannotBeHad(t *testing.T) {
	t.Parallel()
	newClient(t)

	expired := errors.New("the token has expired and the refresh failed")
	client := kms.New(kms.Options{
		BaseEndpoint: &server.URL, Region: "eu-west-1", RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, expired
		}),
	})

	if _, err := codec.Encode(t.Context(), chain(client, "alias/a"), place, 1); !errors.Is(err, expired) || !codec.IsTransient(err) {
		t.Errorf("Encode = %v, want it for now", err)
	}
}

func TestKMSThatDoesNotAnswer(t *testing.T) {
	t.Parallel()

	client := kms.New(kms.Options{
		BaseEndpoint: new("http://127.0.0.1:1"), Region: "eu-west-1", RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()

	if _, err := codec.Encode(ctx, chain(client, "alias/a"), place, 1); !codec.IsTransient(err) {
		t.Errorf("Encode = %v, want it for now", err)
	}
}
