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
// One process writes a store; [Open] refuses a second one. Any number of others may read it at the
// same time, with [ReadOnly] or with any SQLite tool. To copy a store that is in use, let SQLite do
// it (VACUUM INTO): the file alone is not all of it while it is open.
package sqlite
