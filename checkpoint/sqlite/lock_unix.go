//go:build unix

package sqlite

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// seizeFile locks a file until it is closed, or the process has ended.
func seizeFile(f *os.File) error {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("%w (%s is locked): end it, or use another file", ErrInUse, f.Name())
	}
	return nil
}

// private returns the URI of a file whose log has the mode of the file itself.
func private(path string) string {
	escaped := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23", "&", "%26").Replace(path)
	return "file:" + escaped + "?modeof=" + escaped
}
