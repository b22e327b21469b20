package changes

// Features lists what programs have, sides of declared changes included.
func Features(programs [][]*Stmt) []string {
	has := make(map[string]bool)
	for _, program := range programs {
		Each(program, func(s *Stmt) {
			for what, is := range map[string]bool{
				s.Kind.String():                            s.Kind != Batch,
				"batch: " + s.Rule.String():                s.Kind == Batch,
				"batch that fails":                         s.Kind == Batch && s.Fails,
				"bound of a batch":                         s.Kind == Batch && s.Most > 0,
				"bound of an open parallel":                s.Kind == Open && s.Most > 0,
				"large result":                             s.Large,
				"a large result in a batch":                s.Kind == Batch && Taken(nil).large(s),
				"an operand that is a batch":               s.Kind == Batch && hasKind(s.Body, Batch),
				"saga: a scope that fails":                 s.Kind != Batch && s.Fails && !s.Late,
				"saga: a future fails that nothing awaits": s.Late,
				"compensation":                             s.Undo,
				"relaxed step":                             s.Relaxed,
				"name that repeats":                        s.Nth > 0,
				"key":                                      s.Key != "",
				"future that nothing awaits":               s.Forgotten,
				"written as Was or WasKey":                 s.Short,
			} {
				has[what] = has[what] || is
			}
		})
	}
	var all []string
	for what, is := range has {
		if is {
			all = append(all, what)
		}
	}
	return all
}

func hasKind(list []*Stmt, k Kind) bool {
	for _, s := range list {
		if s.Kind == k {
			return true
		}
	}
	return false
}
