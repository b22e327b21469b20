// Package lossless finds what a decode of JSON loses: members of the document that have no place in
// the type, numbers that it cannot hold, and nulls where it needs a value.
//
// What was decoded is encoded again. If the documents are equal nothing is lost, which is so for
// every value that the type itself has written. Where they differ, the document is decoded once
// more with another value in that place: a place that can hold anything without a difference in the
// result holds nothing. So a type that reads old members by an UnmarshalJSON of its own loses
// nothing of them, although it never writes them.
package lossless
