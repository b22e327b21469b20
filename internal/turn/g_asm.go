//go:build amd64 || arm64

package turn

// g returns what distinguishes the calling goroutine from all others that exist: the address of the
// runtime's own record of it. It takes a nanosecond. The runtime uses a record again after its
// goroutine has ended, so a strand forgets it then.
func g() uintptr
