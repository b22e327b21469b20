package opcheck

import (
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// checkSecrets reports IDs of callbacks that are logged: who has one can complete the callback.
func (m *model) checkSecrets(fn *ssa.Function) {
	for _, b := range fn.Blocks {
		for _, i := range b.Instrs {
			switch i := i.(type) {
			case *ssa.Field:
				if isCallback(i.X.Type()) && fieldOf(i.X.Type(), i.Field).Name() == callbackID {
					m.checkLogged(i)
				}
			case *ssa.FieldAddr:
				p, ok := i.X.Type().Underlying().(*types.Pointer)
				if ok && isCallback(p.Elem()) && fieldOf(i.X.Type(), i.Field).Name() == callbackID {
					m.checkLogged(i)
				}
			case *ssa.Call:
				if apiName(calleeObject(i)) == "op.WaitForCallback" && len(i.Call.Args) > 1 {
					for _, src := range m.flow.sources(i.Call.Args[1]) {
						if submit := functionOf(src); submit != nil && len(submit.Params) > 1 {
							m.checkLogged(submit.Params[len(submit.Params)-1])
						}
					}
				}
			}
		}
	}
}

func (m *model) checkLogged(id ssa.Value) {
	onwards(id, func(use ssa.Instruction, _ ssa.Value) bool {
		c, ok := use.(ssa.CallInstruction)
		if !ok {
			return true
		}
		obj := calleeObject(c)
		if m.know.of(obj) == logging {
			m.report(ruleSecret, c.Pos(), "the ID of a callback is logged: who reads it can complete the callback; log the operation's path instead")
			return false
		}
		return obj != nil && obj.Pkg() != nil && (obj.Pkg().Path() == "fmt" || obj.Pkg().Path() == "log/slog" || obj.Pkg().Path() == "strings")
	})
}
