package changes

// Undone are the compensations of an execution: those that there must be, and those that there
// may be besides. A group that is a branch without a record counts as completed if its batch, or
// an earlier invocation, has seen it complete: of one that was left behind either is right. So is
// it of what completed inside an operation that the code has no more.
type Undone struct{ Must, May map[string]bool }

// Undone lists the compensations of an execution, whose log is this at its end.
func (t Taken) Undone(program []*Stmt, log Log) Undone {
	u := undoing{t: t, log: log, Undone: Undone{make(map[string]bool), make(map[string]bool)}}
	u.list(program, fate{})
	return u.Undone
}

// undoing finds out what is compensated.
type undoing struct {
	Undone

	t   Taken
	log Log
}

// fate is what becomes of what statements have done.
type fate struct {
	scope string // their path, with a slash
	// taken back says that it is undone, for the scope has failed or was left behind; loosely, that
	// it may be.
	back, loosely bool
}

// list goes through statements of an ordered scope.
func (u *undoing) list(list []*Stmt, f fate) {
	for _, s := range list {
		switch s.Kind {
		case Future:
			u.list(s.Body, f)
		case Declared:
			u.change(s, f, func(list []*Stmt, f fate) { u.list(list, f) }, func(o *Stmt) (own, undo, inside string) {
				own = f.scope + o.ID()
				return own, f.scope + undoOf(o), own + "/"
			})
		case Step, Flaky, Retry, Wait, Callback, Never, Invoke, Condition, Race, Map, Group, Open, Batch:
			own := f.scope + s.ID()
			u.operation(s, own, f.scope+undoOf(s), own+"/", f)
		case Await:
		}
	}
}

// operation goes through an operation whose record is own, and whose compensation is undo.
func (u *undoing) operation(s *Stmt, own, undo, inside string, f fate) {
	if s.Undo && f.back && own != "" && u.log.Succeeded[own] {
		u.add(undo, f.loosely || u.t.large(s)) // what is too large for its record may not be known when it is to be undone: then the error says so
	}
	// What was left behind before it had ended is taken back with all that is in it.
	left := fate{scope: inside, back: s.Fails, loosely: f.loosely}
	if f.back && !u.log.Ended[own] {
		left.back = true
	}
	switch s.Kind {
	case Group, Open:
		u.list(s.Body, left)
	case Batch:
		u.batch(s, own, left)
	case Step, Flaky, Retry, Wait, Callback, Never, Invoke, Condition, Race, Map, Future, Await, Declared:
	}
}

// batch goes through the operands of a batch.
func (u *undoing) batch(b *Stmt, path string, f fate) {
	for i, o := range b.Body {
		in := f
		if b.Rule.One() && !wins(o) {
			in.back = true // it has lost
		}
		u.operand(b, o, i, path, in)
	}
}

// operand goes through the i-th operand of a batch.
func (u *undoing) operand(b, o *Stmt, i int, path string, f fate) {
	if o.Kind == Declared {
		u.change(o, f, func(list []*Stmt, f fate) {
			for _, side := range list {
				u.operand(b, side, i, path, f)
			}
		}, func(o *Stmt) (own, undo, inside string) {
			at := spotOf(b, o, i, path)
			return at.own, at.undo, at.inside
		})
		return
	}
	at := spotOf(b, o, i, path)
	if at.own == "" && f.back { // it has no record
		if o.Undo {
			u.add(at.undo, true)
		}
		u.list(o.Body, fate{scope: at.inside, back: true, loosely: !o.Fails})
		return
	}
	u.operation(o, at.own, at.undo, at.inside, f)
}

// change goes through a declared change: list does so with statements of one of its sides, spot
// says where the log has one of them.
func (u *undoing) change(s *Stmt, f fate, list func([]*Stmt, fate), spot func(*Stmt) (own, undo, inside string)) {
	state := u.t[s.Change]
	switch {
	case s.Form == WasUndone && state == TakesNew:
		list([]*Stmt{u.t.side(s)}, f)
	case s.Form == WasUndone && state == TakesNeither:
		f.loosely = true
		list(s.Old, f)
	case (s.Form == Removed || s.Form == Gone) && state == TakesOld:
		if len(s.Old) != 1 {
			return
		}
		o := u.t.side(s.Old[0])
		if o == nil { // it was removed before
			list(s.Old, f)
			return
		}
		own, undo, inside := spot(o)
		if o.Undo && f.back && (own == "" || u.log.Succeeded[own]) {
			u.add(undo, own == "" || f.loosely)
		}
		if o.Body != nil {
			u.kept(o, inside)
		}
	case (s.Form == Removed || s.Form == Gone) && state == TakesNew, (s.Form == Added || s.Form == Bare) && state != TakesNew:
	case state == TakesNew && s.Form != WasUndone:
		list(s.New, f)
	default:
		list(s.Old, f)
	}
}

// kept adds what may have been compensated inside an operation that does not run any more.
func (u *undoing) kept(s *Stmt, inside string) {
	if s.Kind == Batch {
		for i, o := range s.Body {
			u.maybe(s, o, i, inside[:len(inside)-1])
		}
		return
	}
	for _, o := range claimed(s.Body) {
		u.add(inside+undoOf(o), true)
		u.kept(o, inside+o.ID()+"/")
	}
}

// maybe is kept for an operand, and all that it was.
func (u *undoing) maybe(b, o *Stmt, i int, path string) {
	for _, side := range claimed([]*Stmt{o}) {
		at := spotOf(b, side, i, path)
		u.add(at.undo, true)
		u.kept(side, at.inside)
	}
}

func (u *undoing) add(path string, maybe bool) {
	if maybe {
		u.May[path] = true
		return
	}
	u.Must[path] = true
}
