// Package crashtest kills functions and the service, by SIGKILL, at every kind of moment, and
// checks that nothing is lost and nothing happens twice. It has tests only, which need Linux, and
// the programs that they run.
package crashtest
