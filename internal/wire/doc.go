// Package wire holds what perdure writes into the payloads of its own records: values that are
// encoded and decoded, and the rules for reading them with code that has changed since. It takes
// values and returns values; it knows nothing of logs, operations or goroutines.
package wire
