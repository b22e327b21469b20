// Package fault handles errors.
package fault

// Or returns v, whatever the error is.
func Or[T any](v T, err error) T {
	_ = err
	return v
}
