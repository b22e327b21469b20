// Package unmeasured holds switches of the local service for what Lambda may do in one way or
// another: until that has been measured, tests try both, and users are not asked to choose.
package unmeasured

// StateKeptAtStart returns the option, a local.Option, with which the START of a READY step keeps
// the state that its last RETRY carried. Without it the record holds no state until the attempt
// ends, as in AWS's own emulators. Package local sets it.
var StateKeptAtStart func() any //nolint:gochecknoglobals // package local sets it when the program begins
