// Telegraf's own input for ZooKeeper, as its agent runs it: reads one server, and prints what it
// would hand on, as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/plugins/inputs/zookeeper"
)

type reading struct {
	Name   string                 `json:"name"`
	Tags   map[string]string      `json:"tags"`
	Fields map[string]interface{} `json:"fields"`
}

// sink takes what the input gives. It calls none of the other methods.
type sink struct {
	telegraf.Accumulator
	readings []reading
	failure  error
}

func (s *sink) AddFields(name string, fields map[string]interface{}, tags map[string]string, _ ...time.Time) {
	s.readings = append(s.readings, reading{name, tags, fields})
}

func (s *sink) AddError(err error) {
	if s.failure == nil {
		s.failure = err
	}
}

func run(server string) error {
	input := &zookeeper.Zookeeper{
		Servers:     []string{server},
		ParseFloats: "float",
	}
	if err := input.Init(); err != nil {
		return err
	}
	into := &sink{}
	if err := input.Gather(into); err != nil {
		return err
	}
	if into.failure != nil {
		return into.failure
	}
	return json.NewEncoder(os.Stdout).Encode(into.readings)
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: program HOST:PORT")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
