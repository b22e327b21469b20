//go:build !unix

package sqlite

import "os"

// seizeFile does nothing: here no one keeps a second process from writing.
func seizeFile(*os.File) error { return nil }

// private returns the name to open a file by.
func private(path string) string { return path }
