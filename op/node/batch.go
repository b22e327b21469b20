package node

// Batch is an unordered scope: operations that run concurrently until a rule ends them.
type Batch struct {
	Header

	// N is the number of operations.
	N int
	// Child makes the i-th operation.
	Child func(i int) Node
	// Item names the branch of the i-th operation.
	Item func(i int) (name, key string)
	// ItemSubType is the sub-type of a branch's own record.
	ItemSubType string
	// Rule decides when the batch ends.
	Rule Rule
	// MaxOpen bounds the open branches, MaxRunning the running bodies; zero means no bound.
	MaxOpen, MaxRunning int
	// Flat leaves out the records of the branches.
	Flat bool
	// CancelLosers cancels waits that a batch which ends early leaves behind.
	CancelLosers bool
	// FailsAs says that the operation itself fails, with the error this gives, when the batch
	// ended by its rule of failure; nil means it always succeeds.
	FailsAs func(o *Outcome) error
	// Whole says that the header's codec encodes the whole result.
	Whole bool
	// Value makes the value that the header's codec encodes, if Whole.
	Value func(r Record) (any, error)
}

func (*Batch) node() {}

// Progress is how far a batch has come.
type Progress struct {
	Total, Started, Succeeded, Failed int
	// First is the index of the branch that ended last; -1 before any has.
	Last int
}

// Verdict is what a rule says of a batch.
type Verdict struct {
	// Done ends the batch; Reason says why, in the words of the log.
	Done   bool
	Reason string
	// Failed says that the batch ended because it failed.
	Failed bool
}

// Rule decides whether a batch ends. It is asked whenever a branch has ended, and must be pure.
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
	Failed bool
	// Winner is the index of the branch that ended the batch; -1 if none did.
	Winner int
	Items  []Item
}

// Item is how one branch of a batch ended.
type Item struct {
	Index     int
	Name, Key string
	Status    ItemStatus
	Record    Record
}
