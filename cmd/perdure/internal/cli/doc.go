// Package cli is the program perdure: it runs functions on this machine, and shows and steers
// executions, here or on AWS.
package cli
