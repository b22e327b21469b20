package op

import (
	"github.com/perdure/perdure/internal/guard"
	"github.com/perdure/perdure/retry"
)

// guarded calls a function of the user's. A panic of it becomes a [*PanicError], and so does an
// error whose message cannot be read.
func guarded[T any](f func() (T, error)) (T, error) {
	v, err := guard.Call(f)
	if p, ok := retry.Strip(err).(*guard.Panic); ok { //nolint:errorlint // as guard.Call makes it
		err = (*PanicError)(p)
	}
	return v, err
}

// guardedKey is guarded for a key function, which every replay calls: it allocates nothing.
func guardedKey(f func() string) (key string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = (*PanicError)(guard.Recovered(p))
		}
	}()
	return f(), nil
}
