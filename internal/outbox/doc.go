// Package outbox sends what an invocation has to say to the service: updates in the order in which
// they came in, one call at a time, each with the token of the answer before it.
package outbox
