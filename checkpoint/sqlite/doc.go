// Package sqlite keeps the executions of a local service in a file:
//
//	store, err := sqlite.Open("executions.db")
//	…
//	defer store.Close()
//	service := local.New(local.WithStore(store))
//
// What Commit has acknowledged survives the end of the process, however it ends, and the loss of
// power: the file is an SQLite database with a write-ahead log that is synchronised at every
// transaction. Transitions that wait for the disk at the same time share one transaction.
//
// A transition that the disk refuses, because it is full or fails, is not kept, and the error is
// [ErrDisk]: the service refuses the call that it was for, or stops if no one can be informed, and
// says why ([local.Service.Err]). What was acknowledged before is there when the store is opened
// again. If the process is killed before it has stored anything else, the transition that was
// refused may be there as well, as a whole: the disk had written it and failed to say so, as if a
// reply had been lost.
//
// The pages of the file carry checksums. Damage is noticed when the file is opened, or read, and is
// [ErrDamaged]. Only in the log that a process leaves that was killed, SQLite cannot distinguish
// damage from a write that was under way: it drops what follows, by whole transactions.
//
// One process writes a store; [Open] refuses a second one, on Unix: elsewhere no one but you sees
// to that. Any number of others may read it at the same time, with [WithReadOnly] or with any
// SQLite tool; what they read at a time is of one state. To copy a store that is in use, let SQLite
// do it (VACUUM INTO): the file alone is not all of it while it is open, since the log is beside it
// ("-wal", "-shm"). The file "-lock" holds nothing and stays.
package sqlite
