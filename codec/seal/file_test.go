package seal_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
)

var secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func TestFileOfKeys(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason, text string
		want         string // the key that seals
		wantErr      string
	}{
		{reason: "one key", text: "k1 " + secret, want: "k1"},
		{reason: "the first one seals", text: "# keys\n\nk2 " + secret + "\r\nk1 " + secret + "\n", want: "k2"},
		{reason: "spaces around", text: "  k1   " + secret + "  ", want: "k1"},
		{reason: "nothing", wantErr: "there is no key in it: write a line with an ID, a space, and 32 bytes in base64"},
		{reason: "a comment alone", text: "# k1 " + secret, wantErr: "there is no key in it"},
		{reason: "no secret", text: "k1", wantErr: "line 1: write an ID, a space, and 32 bytes in base64"},
		{
			reason: "a short secret", text: "k0 " + secret + "\nk1 AAAA",
			wantErr: "line 2: after the ID stand no 32 bytes in base64",
		},
		{reason: "the wrong order", text: secret + " k1", wantErr: "line 1: after the ID stand no 32 bytes in base64"},
		{reason: "one ID twice", text: "k1 " + secret + "\nk1 " + secret, wantErr: `line 2: key "k1" stands in the file twice`},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			path := filepath.Join(t.TempDir(), "keys")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}

			k, err := seal.File(path).SealingKey(t.Context(), seal.Origin{})

			switch {
			case tt.wantErr == "" && (err != nil || k.ID() != tt.want):
				t.Errorf("SealingKey = %v, %v, want %s", k, err, tt.want)
			case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr) || codec.IsTransient(err)):
				t.Errorf("error = %v, want %s", err, tt.wantErr)
			}

			if err != nil && (strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), path)) {
				t.Errorf("error %v shows a secret, or not the file", err)
			}
		})
	}
}

func TestFileIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "keys")
	keys := seal.File(path)
	c, m := codec.Chain(codec.JSON(), seal.New(keys)), at(orders, "a", codec.PartResult)

	if _, err := codec.Encode(t.Context(), c, m, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}

	write := func(text string, mode fs.FileMode) {
		if err := os.WriteFile(path+".new", []byte(text), mode); err != nil {
			t.Fatal(err)
		}

		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}

	write("k1 "+secret, 0o600)
	first := sealed(t, c, m, "one")

	write("k2 "+secret+"\nk1 "+secret, 0o600)
	second := sealed(t, c, m, "two")

	for _, p := range [][]byte{first, second} {
		if err := codec.Decode(t.Context(), c, m, p, new(string)); err != nil {
			t.Error(err)
		}
	}

	if k, err := keys.SealingKey(t.Context(), seal.Origin{}); err != nil || k.ID() != "k2" {
		t.Errorf("after the rotation: %v, %v, want k2", k, err)
	}

	// Of the same length and perhaps in the same tick: what is missing has the file read again.
	write("k3 "+secret+"\nk1 "+secret, 0o600)

	if k, err := keys.OpeningKey(t.Context(), seal.Origin{}, "k3"); err != nil || k.ID() != "k3" {
		t.Errorf("OpeningKey = %v, %v, want k3", k, err)
	}

	if err := codec.Decode(t.Context(), c, m, second, new(string)); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("with a key that was removed: %v, want ErrNoKey", err)
	}

	write("k3 "+secret, 0o640)

	if _, err := codec.Encode(t.Context(), c, m, 1); err == nil || !strings.Contains(err.Error(), "has mode 0640") {
		t.Errorf("with a file that others can read: %v", err)
	}
}
