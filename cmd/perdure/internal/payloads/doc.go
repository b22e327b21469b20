// Package payloads has tests of all codecs of this project together: of handlers whose payloads are
// compressed, sealed and kept elsewhere, by each way that there is. The modules that have these
// ways do not know of each other.
package payloads
