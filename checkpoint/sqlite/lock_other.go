//go:build !unix

package sqlite

import "os"

// seizeFile does nothing: here nobody keeps a second process from writing.
func seizeFile(*os.File) error { return nil }
