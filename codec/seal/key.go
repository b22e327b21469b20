package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// maxKeyID is the longest ID of a key, in bytes: data keys that AWS KMS has encrypted serve as IDs.
const maxKeyID = 8192

// Key is a key of AES-256-GCM with the ID that payloads are recorded with. It does not show its
// secret: neither fmt nor log/slog nor encoding/json prints it.
type Key struct {
	id   string
	aead cipher.AEAD
}

// NewKey returns the key with that secret of 32 bytes. The ID has 1 to 8192 bytes of any kind,
// stands in each payload in plain text, and belongs to this secret for good. A key seals at most
// 2³² payloads (NIST SP 800-38D, 8.3): rotate it before.
//
// It fails if the ID or the secret has another length.
func NewKey(id string, secret []byte) (*Key, error) {
	if id == "" || len(id) > maxKeyID {
		return nil, fmt.Errorf("seal: the ID of a key has %d bytes: use 1 to %d", len(id), maxKeyID)
	}

	if len(secret) != KeySize {
		return nil, fmt.Errorf("seal: key %s has %d bytes: AES-256 needs %d, from openssl rand -base64 32 for example",
			printable(id), len(secret), KeySize)
	}

	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("seal: key %s: %w", printable(id), err)
	}

	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal: key %s: %w", printable(id), err)
	}

	return &Key{id: id, aead: aead}, nil
}

// GenerateKey returns a key with a random secret, which ends with the process: for tests. The ID is
// that of [NewKey].
func GenerateKey(id string) (*Key, error) {
	secret := make([]byte, KeySize)
	_, _ = rand.Read(secret) // which never fails

	return NewKey(id, secret)
}

// ID returns the ID of the key.
func (k *Key) ID() string {
	return k.id
}

// String returns the ID for people; one that is not text, or long, is cut.
func (k *Key) String() string {
	return printable(k.id)
}

// GoString is String: %#v prints no secret.
func (k *Key) GoString() string {
	return "seal.Key(" + k.String() + ")"
}

// MarshalText returns String.
func (k *Key) MarshalText() ([]byte, error) {
	return []byte(k.String()), nil
}

func printable(id string) string {
	const limit = 64

	text := strings.ToValidUTF8(id, "\uFFFD")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}

	return strconv.Quote(text)
}
