package op

import (
	"github.com/perdure/perdure/internal/subtype"
	"github.com/perdure/perdure/op/node"
)

// OpenParallel is a parallel of branches that are not known from the beginning, and that have types
// of their own: fn starts each with replay.Go, may wait for one before the next exists, and ends
// the parallel by returning.
//
//	op.OpenParallel("quotes", func(ctx op.Context) (Offer, error) {
//		price := replay.Go(ctx, op.Branch("price", askPrice))    // *replay.Future[Money]
//		stock := replay.Go(ctx, op.Branch("stock", countStock))  // *replay.Future[int]
//		…
//	}, op.WithMaxConcurrency(4))
//
// It is a [Group], recorded as a parallel: fn's scope is ordered, so branches are claimed where fn
// starts them, by name and key, and changes of them are declared as in any scope ([Replaces]). When
// fn returns a result, branches that go on are waited for, and an error that fn has not asked for
// becomes that of the parallel; when it returns an error, they are abandoned, and what completed is
// undone ([Op.Undo]). With [WithMaxConcurrency] replay.Go waits until there is room.
//
// For branches of one type that are all known see [Parallel], for a few of different types [Join2].
// It takes one operation, each branch one, and what is inside them.
func OpenParallel[T any](name string, fn func(Context) (T, error), opts ...GroupOption) Op[T] {
	return ofBranches[T]("OpenParallel", subtype.Parallel, name, fn, opts)
}

// Branch is a [Group] that is recorded as a branch of an [OpenParallel]; start it with replay.Go.
func Branch[T any](name string, fn func(Context) (T, error), opts ...GroupOption) Op[T] {
	return ofBranches[T]("Branch", subtype.ParallelBranch, name, fn, opts)
}

func ofBranches[T any](constructor, sub, name string, fn func(Context) (T, error), opts []GroupOption) Op[T] {
	n := &node.Group{Header: header[T](name, sub), Body: groupFn[T](fn)}
	if fn == nil {
		n.Err = nilBody(n.Err, constructor, name)
	}
	return group[T](n, opts)
}
