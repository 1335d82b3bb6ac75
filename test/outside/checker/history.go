package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
)

// Operation is one line of a history; test/outside/history.ts says what its fields mean.
type Operation struct {
	Session string `json:"session"`
	Op      string `json:"op"`
	Key     string `json:"key"`
	Version int64  `json:"version"`
	Call    int64  `json:"call"`
	Return  *int64 `json:"return"`
	Server  string `json:"server,omitempty"`
	Store   string `json:"store,omitempty"`
}

// Done is when it returned, or the end of time.
func (o Operation) Done() int64 {
	if o.Return == nil {
		return math.MaxInt64
	}
	return *o.Return
}

func read(path string) ([]Operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var history []Operation
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		var operation Operation
		if err := json.Unmarshal(lines.Bytes(), &operation); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if err := operation.check(); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		history = append(history, operation)
	}
	return history, lines.Err()
}

// A history that can't be read right must not pass for a good one.
func (o Operation) check() error {
	switch {
	case o.Session == "" || o.Key == "":
		return fmt.Errorf("no session or key")
	case o.Op == "write" && o.Version < 1:
		return fmt.Errorf("version %d was written: they begin with 1", o.Version)
	case o.Op == "read" && (o.Version < 0 || o.Return == nil):
		return fmt.Errorf("a read that showed nothing")
	case o.Op != "read" && o.Op != "write":
		return fmt.Errorf("no such operation: %q", o.Op)
	case o.Done() <= o.Call:
		return fmt.Errorf("it returned before it was called")
	}
	return nil
}
