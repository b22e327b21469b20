package node

// Batch is an unordered scope: operations that run concurrently until a rule ends them. One of them
// may be a [Choice]: an interpreter runs the side whose branch the log holds, else the newest.
type Batch struct {
	Header

	// As is the constructor, for messages; empty if the sub-type says it.
	As string
	// N is the number of operations; Child makes the i-th. It is asked again whenever it is needed.
	N     int
	Child func(i int) Node
	// Gone are operations that the code has no more: what an execution has begun of them is left as
	// it is, counts for nothing, and has no place in the outcome.
	Gone []Node
	// Total, unless zero, is the number of items that count: the operations are batches themselves,
	// and the rule counts what is in them.
	Total int
	// Indexed says that operations without a key are distinguished by their index; else by their
	// name.
	Indexed bool
	// ItemSubType is the sub-type of the record of a branch.
	ItemSubType string
	// Rule decides when the batch ends.
	Rule Rule
	// Fixed says that options cannot change the rule, and that the result has a place for each
	// operation: one that was not there when the batch ended does not fit.
	Fixed bool
	// MaxOpen bounds the open branches, MaxRunning the running bodies; zero means no bound.
	MaxOpen, MaxRunning int
	// NamesInside says that names of its operations are made of its own.
	NamesInside bool
	// Flat leaves out the records of the branches.
	Flat bool
	// CancelLosers cancels the waits that a batch leaves behind when it ends early.
	CancelLosers bool
	// Whole, if not nil, makes the value that the header's codec encodes as the payload of the
	// batch; nil leaves the payload to the interpreter.
	Whole func(r Result) (any, error)
	// Failure is the error of a record that has an Outcome; nil if the batch succeeded. What a
	// batch ended with because of its branches is no failure in the log, but it is one for whoever
	// runs it.
	Failure func(r Result) error
}

func (*Batch) node() {}

// Progress is how far a batch has come.
type Progress struct {
	// Total is the number of operations, Started how many have been.
	Total, Started int
	// Succeeded and Failed are how many have ended.
	Succeeded, Failed int
}

// Verdict is what a rule says of a batch.
type Verdict struct {
	// Done ends the batch; Reason says why, in the words of the log.
	Done   bool
	Reason string
	// Failed says that the batch ended because it failed.
	Failed bool
}

// Rule decides whether a batch ends. It is asked at the beginning and whenever a branch has ended,
// and must depend on its argument alone.
type Rule func(p Progress) Verdict

// ItemStatus is how a branch ended.
type ItemStatus byte

// The statuses of a branch, as the log spells them.
const (
	ItemSucceeded ItemStatus = 'S'
	ItemFailed    ItemStatus = 'F'
	ItemStarted   ItemStatus = '-'
)

// Outcome is how a batch ended.
type Outcome struct {
	Reason string
	// Failed says that the batch ended because it failed.
	Failed bool
	// Winner is the index of the branch whose end was the end of the batch; -1 for an empty batch.
	Winner int
	// Items are the branches that were started, by index. One that the code has and that was not
	// there when the batch ended is missing.
	Items []Item
	// Gone is why the batch failed if the branch whose end was the end of the batch is one that the
	// code does not run any more; nil otherwise.
	Gone error
}

// Item is how one branch of a batch ended.
type Item struct {
	Index     int
	Name, Key string
	// Status is how the branch counts. Functions of the user's may have refused a Result
	// without an error.
	Status ItemStatus
	Result Result
}
