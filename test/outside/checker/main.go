// Judges what sessions were shown, outside of Tidemark's own code: a linearizability checker (porcupine) with the
// sequential specification of a session guarantee as its model.
//
//	go run . HISTORY.jsonl...
//
// prints one verdict per file, as JSON, and ends with 1 when one of them is false.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: outside HISTORY.jsonl...")
		os.Exit(2)
	}
	failed := false
	for _, path := range os.Args[1:] {
		history, err := read(path)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(2)
		}
		verdict := judge(history)
		verdict.File = path
		line, _ := json.Marshal(verdict)
		fmt.Println(string(line))
		failed = failed || !verdict.OK
	}
	if failed {
		os.Exit(1)
	}
}
