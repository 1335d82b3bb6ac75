package main

import (
	"fmt"
	"sort"

	"github.com/anishathalye/porcupine"
)

// Verdict is what is said of one history.
type Verdict struct {
	File       string  `json:"file"`
	OK         bool    `json:"ok"`
	Sessions   int     `json:"sessions"`
	Operations int     `json:"operations"`
	Checks     []Check `json:"checks"`
}

// Check is one sentence about it: how often it could have been false, and where it was.
type Check struct {
	Name string `json:"name"`
	// Reads that it constrained: those of a session that had written, or read, that key before.
	Constrained int      `json:"constrained"`
	Violations  int      `json:"violations"`
	Examples    []string `json:"examples"`
}

const mostExamples = 5

func judge(history []Operation) Verdict {
	sessions := map[string]bool{}
	for _, operation := range history {
		sessions[operation.Session] = true
	}
	verdict := Verdict{OK: true, Sessions: len(sessions), Operations: len(history), Checks: []Check{
		guarantee("read-your-writes", history, func(o Operation) bool { return o.Op == "write" }),
		guarantee("monotonic-reads", history, func(o Operation) bool { return o.Op == "read" }),
		thinAir(history),
	}}
	for _, check := range verdict.Checks {
		verdict.OK = verdict.OK && check.Violations == 0
	}
	return verdict
}

// floor is a register as one session may see it: its version may be raised by anybody at any time, so a read may show
// more than the session knows of, but never less.
func floor(raises func(Operation) bool) porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return int64(0) },
		Step: func(state, input, _ interface{}) (bool, interface{}) {
			known, operation := state.(int64), input.(Operation)
			if operation.Op == "read" && operation.Version < known {
				return false, state
			}
			if raises(operation) && operation.Version > known {
				known = operation.Version
			}
			return true, known
		},
	}
}

// guarantee holds what each session did with each key against the model. Operations side by side may come in any order.
func guarantee(name string, history []Operation, raises func(Operation) bool) Check {
	check := Check{Name: name, Examples: []string{}}
	model := floor(raises)
	for _, part := range perSessionAndKey(history) {
		check.Constrained += constrained(part, raises)
		operations := make([]porcupine.Operation, 0, len(part))
		for _, operation := range part {
			// What was never acknowledged is promised to nobody.
			if operation.Op == "write" && operation.Return == nil {
				continue
			}
			operations = append(operations, porcupine.Operation{Input: operation, Call: operation.Call, Return: operation.Done()})
		}
		if porcupine.CheckOperations(model, operations) {
			continue
		}
		check.Violations++
		if len(check.Examples) < mostExamples {
			check.Examples = append(check.Examples, describe(part))
		}
	}
	return check
}

func perSessionAndKey(history []Operation) [][]Operation {
	type place struct{ session, key string }
	parts := map[place][]Operation{}
	for _, operation := range history {
		at := place{operation.Session, operation.Key}
		parts[at] = append(parts[at], operation)
	}
	list := make([][]Operation, 0, len(parts))
	for _, part := range parts {
		sort.Slice(part, func(i, j int) bool { return part[i].Call < part[j].Call })
		list = append(list, part)
	}
	sort.Slice(list, func(i, j int) bool { return list[i][0].Call < list[j][0].Call })
	return list
}

// constrained counts the reads that came after something that binds them: silence would be true, too.
func constrained(part []Operation, raises func(Operation) bool) int {
	count := 0
	for i, operation := range part {
		if operation.Op != "read" {
			continue
		}
		for _, earlier := range part[:i] {
			if raises(earlier) && earlier.Done() < operation.Call && earlier.Version > 0 {
				count++
				break
			}
		}
	}
	return count
}

// thinAir: nobody is shown a version that nobody had begun to write.
func thinAir(history []Operation) Check {
	check := Check{Name: "thin-air", Examples: []string{}}
	type version struct {
		key     string
		version int64
	}
	written := map[version]int64{}
	for _, operation := range history {
		if operation.Op == "write" {
			written[version{operation.Key, operation.Version}] = operation.Call
		}
	}
	for _, operation := range history {
		if operation.Op != "read" || operation.Version == 0 {
			continue
		}
		check.Constrained++
		call, known := written[version{operation.Key, operation.Version}]
		if known && call < operation.Done() {
			continue
		}
		check.Violations++
		if len(check.Examples) < mostExamples {
			check.Examples = append(check.Examples, describe([]Operation{operation}))
		}
	}
	return check
}

func describe(part []Operation) string {
	text := fmt.Sprintf("session %s, %s:", part[0].Session, part[0].Key)
	for _, operation := range part {
		end := "…"
		if operation.Return != nil {
			end = fmt.Sprint(*operation.Return)
		}
		text += fmt.Sprintf(" [%d–%s] %s %d", operation.Call, end, operation.Op, operation.Version)
		if operation.Store != "" {
			text += fmt.Sprintf(" (%s, %s)", operation.Store, operation.Server)
		}
	}
	return text
}
