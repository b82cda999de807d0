package main

import (
	"sync/atomic"
	"time"

	"github.com/go-zookeeper/zk"
)

func znodes(one, other *zk.Conn, root string) {
	path := root + "/znode"
	must(one.Create(path, []byte("first"), 0, anyone))
	stat := must(one.Set(path, []byte("second"), 0))
	check(stat.Version == 1, "a first write's version: %d", stat.Version)
	must(other.Sync("/"))
	data, _, err := other.Get(path)
	check(err == nil && string(data) == "second", "another session's read: %s %v", data, err)
	_, err = one.Set(path, nil, 7)
	fails(err, zk.ErrBadVersion)
	_, err = one.Create(path, nil, 0, anyone)
	fails(err, zk.ErrNodeExists)
	_, _, err = one.Get(root + "/missing")
	fails(err, zk.ErrNoNode)
	must(one.CreateContainer(root+"/container", nil, zk.FlagContainer, anyone))
	must(one.CreateTTL(root+"/ttl", nil, zk.FlagTTL, anyone, time.Hour))
	first := must(one.Create(root+"/n-", nil, zk.FlagSequence, anyone))
	second := must(one.Create(root+"/n-", nil, zk.FlagSequence|zk.FlagEphemeral, anyone))
	check(first < second, "numbers rise: %s, %s", first, second)
	guarded := must(one.CreateProtectedEphemeralSequential(root+"/guarded-", nil, anyone))
	check(len(guarded) > len(root+"/guarded-")+32, "a protected name: %s", guarded)

	results, err := one.Multi(
		&zk.CreateRequest{Path: root + "/a", Acl: anyone},
		&zk.CheckVersionRequest{Path: path, Version: 1},
		&zk.SetDataRequest{Path: path, Data: []byte("third"), Version: 1},
		&zk.DeleteRequest{Path: root + "/a", Version: 0})
	check(err == nil && len(results) == 4, "a multi: %+v %v", results, err)
	_, err = one.Multi(
		&zk.CreateRequest{Path: root + "/b", Acl: anyone},
		&zk.DeleteRequest{Path: root + "/missing", Version: -1})
	fails(err, zk.ErrNoNode)
	found, _, err := one.Exists(root + "/b")
	check(err == nil && !found, "what was undone: %v %v", found, err)
}

func watches(one, other *zk.Conn, root string) {
	path := root + "/watched"
	_, _, created, err := one.ExistsW(path)
	check(err == nil, "a watch: %v", err)
	must(other.Create(path, nil, 0, anyone))
	expect(created, zk.EventNodeCreated, path)
	must(one.Sync("/"))
	_, _, changed, err := one.GetW(path)
	check(err == nil, "a watch: %v", err)
	_, _, children, err := one.ChildrenW(path)
	check(err == nil, "a watch: %v", err)
	must(other.Set(path, nil, -1))
	expect(changed, zk.EventNodeDataChanged, path)
	must(other.Create(path+"/child", nil, 0, anyone))
	expect(children, zk.EventNodeChildrenChanged, path)
	_, _, deleted, err := one.GetW(path + "/child")
	check(err == nil, "a watch: %v", err)
	check(other.Delete(path+"/child", 0) == nil, "a deletion")
	expect(deleted, zk.EventNodeDeleted, path+"/child")
}

// locks has two clients count under one lock.
func locks(one, other *zk.Conn, path string) {
	var holders, rounds atomic.Int32
	done := make(chan bool)
	for _, conn := range []*zk.Conn{one, other} {
		go func(conn *zk.Conn) {
			lock := zk.NewLock(conn, path, anyone)
			for round := 0; round < 10; round++ {
				check(lock.Lock() == nil, "a lock is given")
				check(holders.Add(1) == 1, "a lock has one holder")
				rounds.Add(1)
				holders.Add(-1)
				check(lock.Unlock() == nil, "a lock is given back")
			}
			done <- true
		}(conn)
	}
	<-done
	<-done
	check(rounds.Load() == 20, "rounds: %d", rounds.Load())
}

func access(one *zk.Conn, path string) {
	check(one.AddAuth("digest", []byte("user:secret")) == nil, "an id")
	must(one.Create(path, []byte("x"), 0, zk.DigestACL(zk.PermAll, "user", "secret")))
	acl, _, err := one.GetACL(path)
	check(err == nil && len(acl) == 1 && acl[0].Scheme == "digest", "a list: %+v %v", acl, err)
	must(one.SetACL(path, zk.DigestACL(zk.PermRead|zk.PermAdmin, "user", "secret"), 0))
	_, err = one.Set(path, nil, -1)
	fails(err, zk.ErrNoAuth)
}
