// Package api is how the Lambda API spells things, for the local service and for its HTTP front:
// names of functions, errors, times.
package api
