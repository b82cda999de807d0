package main

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// check ends the program unless it is so.
func check(truth bool, what string, args ...any) {
	if !truth {
		fmt.Fprintf(os.Stderr, "not so: "+what+"\n", args...)
		os.Exit(1)
	}
}

// must gives a call's result, which has to be one.
func must[T any](result T, err error) T {
	check(err == nil, "a call succeeds: %v", err)
	return result
}

// fails checks that a call has failed so.
func fails(err, expected error) {
	check(errors.Is(err, expected), "a call fails with %v: %v", expected, err)
}

// until waits until it is so.
func until(what string, condition func() bool) {
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		check(time.Now().Before(deadline), what)
		time.Sleep(20 * time.Millisecond)
	}
}
