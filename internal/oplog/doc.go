// Package oplog is the log of an execution as running code reads it, and the IDs by which the code
// finds its records.
//
// A replay uses it in this order:
//
//   - The records of all pages become a [Log].
//   - An operation is found in it by its ID, which [Scope.AppendID] derives from the operation's
//     scope, name, key and occurrence, never from its position.
//   - If the log has a record of the ID, it says how far the operation has come. Otherwise the
//     operation has never been started.
//   - Either way the operation is claimed. Records that stay unclaimed were made by code that is
//     no longer there: [Log.Unclaimed] counts them for each scope.
//   - What the service answers is merged by [Log.Merge], and what it has accepted without showing
//     it again is put in by [Log.Apply].
//
// The package is pure: it knows no clock, no context and no I/O. The derivation of IDs and of names
// on the wire is part of the wire format and never changes.
package oplog
