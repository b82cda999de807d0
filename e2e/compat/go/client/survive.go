package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-zookeeper/zk"
)

// survive looks at what has to outlast members that are killed and started again.
func survive(connect, all, root string) {
	one, other := open(connect), open(all)
	session := one.SessionID()
	data, made, list, alive := root+"/data", root+"/made", root+"/list", root+"/alive"
	must(other.Create(data, nil, 0, anyone))
	must(other.Create(list, nil, 0, anyone))
	must(one.Sync("/"))
	must(one.Create(alive, nil, zk.FlagEphemeral, anyone))
	_, _, changed, err := one.GetW(data)
	check(err == nil, "a watch: %v", err)
	_, _, created, err := one.ExistsW(made)
	check(err == nil, "a watch: %v", err)
	_, _, children, err := one.ChildrenW(list)
	check(err == nil, "a watch: %v", err)

	var stop atomic.Bool
	written := make(chan []string)
	go func() { written <- write(open(all), root, &stop) }()
	id := fmt.Sprintf("0x%x", uint64(session))
	ask("restart leader")
	ask("restart " + id)
	ask("start " + ask("stop "+id))

	// Changes while the client is away are told once it is back.
	down := ask("kill " + id)
	settle(other)
	must(other.Set(data, []byte("1"), -1))
	must(other.Create(made, nil, 0, anyone))
	must(other.Create(list+"/child", nil, 0, anyone))
	ask("start " + down)
	settle(one)
	expect(changed, zk.EventNodeDataChanged, data)
	expect(created, zk.EventNodeCreated, made)
	expect(children, zk.EventNodeChildrenChanged, list)

	stop.Store(true)
	acknowledged := <-written
	check(len(acknowledged) > 0, "something was written")
	settle(one)
	for _, path := range acknowledged {
		found, _, err := one.Exists(path)
		check(err == nil && found, "%s was acknowledged, and is there: %v", path, err)
	}
	check(one.SessionID() == session, "the session")
	found, stat, err := one.Exists(alive)
	check(err == nil && found && stat.EphemeralOwner == session, "the ephemeral znode is there: %v", err)
	one.Close()
	settle(other)
	until("it goes with its session", func() bool {
		found, _, err := other.Exists(alive)
		return err == nil && !found
	})
	other.Close()
}

// write creates one znode after the other; gives those whose creation was acknowledged.
func write(conn *zk.Conn, root string, stop *atomic.Bool) []string {
	defer conn.Close()
	var acknowledged []string
	for number := 0; !stop.Load(); number++ {
		path := fmt.Sprintf("%s/w%d", root, number)
		// Nobody knows what became of one that fails: it is not repeated.
		if _, err := conn.Create(path, nil, 0, anyone); err == nil {
			acknowledged = append(acknowledged, path)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return acknowledged
}
