package turn_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/commands"
	"github.com/leanovate/gopter/gen"

	"github.com/perdure/perdure/internal/draws"
)

// A turn does what the model does, whatever events come. Gopter shrinks what fails, and prints it
// as a script.
func TestTurnEqualsItsModel(t *testing.T) {
	t.Parallel()
	parameters := gopter.DefaultTestParameters()
	parameters.MinSuccessfulTests = draws.Count(300)
	parameters.MaxSize = 30
	properties := gopter.NewProperties(parameters)
	properties.Property("a turn equals its model", commands.Prop(&commands.ProtoCommands{
		InitialStateGen: gen.UInt64().Map(func(seed uint64) script {
			return script{programs: randomScript(rand.New(rand.NewPCG(seed, 5))).programs}
		}).WithShrinker(gopter.NoShrinker),
		InitialPreConditionFunc: func(commands.State) bool { return true },
		NewSystemUnderTestFunc: func(initial commands.State) commands.SystemUnderTest {
			return newPlay(initial.(script).programs) //nolint:forcetypeassert // commands are typed by gopter as any
		},
		DestroySystemUnderTestFunc: func(sut commands.SystemUnderTest) {
			if problem := sut.(*play).close(); problem != "" { //nolint:forcetypeassert // commands are typed by gopter as any
				t.Error(problem)
			}
		},
		GenCommandFunc: func(commands.State) gopter.Gen {
			return gen.UInt64().Map(func(seed uint64) commands.Command {
				rng := rand.New(rand.NewPCG(seed, 6))
				if rng.IntN(4) == 0 {
					return command{event{back: -1, actions: []action{{verb: spawn}}}}
				}
				return command{randomEvent(rng)}
			})
		},
	}))
	properties.TestingRun(t, gopter.ConsoleReporter(false))
}

// command is an event that gopter draws. Its state is the script so far.
type command struct{ event }

func (c command) Run(sut commands.SystemUnderTest) commands.Result {
	p := sut.(*play) //nolint:forcetypeassert // commands are typed by gopter as any
	if !p.do(c.event) {
		return "nothing goes on"
	}
	return p
}

func (c command) NextState(s commands.State) commands.State {
	so := s.(script) //nolint:forcetypeassert // commands are typed by gopter as any
	so.events = append(slices.Clone(so.events), c.event)
	return so
}

func (command) PreCondition(commands.State) bool { return true }

// PostCondition compares what the turn has done with the script up to this event.
func (c command) PostCondition(s commands.State, r commands.Result) *gopter.PropResult {
	so := s.(script) //nolint:forcetypeassert // commands are typed by gopter as any
	p, ok := r.(*play)
	if !ok {
		return &gopter.PropResult{Status: gopter.PropFalse, Labels: []string{r.(string), so.String()}} //nolint:forcetypeassert // commands are typed by gopter as any
	}
	m := model{programs: so.programs}
	for _, e := range so.events {
		m.do(e)
	}
	if problem := differ(p, &m); problem != "" {
		return &gopter.PropResult{Status: gopter.PropFalse, Labels: []string{problem, so.String()}}
	}
	return &gopter.PropResult{Status: gopter.PropTrue}
}

func (c command) String() string { return c.event.String() }
