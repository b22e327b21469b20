package op_test

import "github.com/perdure/perdure/op"

// inOrder runs a map one item after the other.
func inOrder(items []int, c op.Completion) {
	outcome(op.Map("odds", items, odd(), op.WithMaxConcurrency(1), op.WithCompletion(c)))
}

func ExampleWithCompletion() {
	inOrder([]int{1, 2, 3, 4, 5}, op.MinSuccessful(2))
	// Output: "[1 3] MIN_SUCCESSFUL_REACHED false\n" <nil>
}

func ExampleAllSuccessful() {
	inOrder([]int{1, 2, 3}, op.AllSuccessful())
	// Output: "[1] FAILURE_TOLERANCE_EXCEEDED true\n" <nil>
}

func ExampleAllCompleted() {
	inOrder([]int{1, 2, 3}, op.AllCompleted())
	// Output: "[1 3] ALL_COMPLETED false\n" <nil>
}

func ExampleFirstSuccessful() {
	inOrder([]int{2, 3, 5}, op.FirstSuccessful())
	// Output: "[3] MIN_SUCCESSFUL_REACHED false\n" <nil>
}

func ExampleMinSuccessful() {
	inOrder([]int{1, 3, 5}, op.MinSuccessful(2))
	// Output: "[1 3] MIN_SUCCESSFUL_REACHED false\n" <nil>
}

// A minimum that is missed is no error by itself: with a tolerance it is.
func ExampleMinSuccessful_missed() {
	missed := func(rules ...op.Completion) {
		outcome(op.Map("odds", []int{1, 2, 4}, odd(), op.WithMaxConcurrency(1), op.WithCompletion(rules...)))
	}
	missed(op.MinSuccessful(2))
	missed(op.MinSuccessful(2), op.Tolerate(1))
	missed(op.FirstSuccessful())
	// Output:
	// "[1] ALL_COMPLETED false\n" <nil>
	// "[1] FAILURE_TOLERANCE_EXCEEDED true\n" <nil>
	// "[1] MIN_SUCCESSFUL_REACHED false\n" <nil>
}

func ExampleTolerate() {
	inOrder([]int{2, 1, 4, 3}, op.Tolerate(1))
	// Output: "[1] FAILURE_TOLERANCE_EXCEEDED true\n" <nil>
}

func ExampleToleratePercent() {
	inOrder([]int{2, 1, 4, 3}, op.ToleratePercent(50))
	// Output: "[1 3] ALL_COMPLETED false\n" <nil>
}

func ExampleCompleteWhen() {
	inOrder([]int{1, 3, 5}, op.CompleteWhen(func(p op.Progress) op.Verdict {
		if p.Succeeded == 1 {
			return op.VerdictSucceed
		}
		return op.VerdictContinue
	}))
	// Output: "[1] CUSTOM_COMPLETION_SUCCEEDED false\n" <nil>
}
