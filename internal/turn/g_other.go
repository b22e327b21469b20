//go:build !amd64 && !arm64

package turn

// g returns what distinguishes the calling goroutine from all others that exist: the number that
// the runtime prints of it.
func g() uintptr { return uintptr(number()) }
