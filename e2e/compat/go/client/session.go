package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
)

var anyone = zk.WorldACL(zk.PermAll)

// open gives a session.
func open(connect string) *zk.Conn {
	conn, events, err := zk.Connect(strings.Split(connect, ","), 40*time.Second, zk.WithLogInfo(false))
	check(err == nil, "a client: %v", err)
	patience := time.After(time.Minute)
	for conn.State() != zk.StateHasSession {
		select {
		case <-events:
		case <-patience:
			check(false, "a session of %s", connect)
		}
	}
	go func() {
		for range events {
		}
	}()
	return conn
}

// settle waits until the connection is there again and there is a leader.
func settle(conn *zk.Conn) {
	until("the connection is there again", func() bool {
		_, err := conn.Sync("/")
		return err == nil
	})
}

// expect waits for a watch's event.
func expect(events <-chan zk.Event, kind zk.EventType, path string) {
	select {
	case event := <-events:
		check(event.Type == kind && event.Path == path, "%v of %s: %+v", kind, path, event)
	case <-time.After(30 * time.Second):
		check(false, "an event %v of %s", kind, path)
	}
}

var answers = bufio.NewScanner(os.Stdin)

// ask has a fault done to the ensemble; gives the member that was meant.
func ask(request string) string {
	fmt.Println("@" + request)
	check(answers.Scan(), "an answer to %s", request)
	member, found := strings.CutPrefix(answers.Text(), "done ")
	check(found, "%s is done", request)
	return member
}
