"""kazoo's recipes, by two clients."""

import threading

from kazoo.recipe.cache import TreeCache
from kazoo.recipe.partitioner import PartitionState
from support import WAIT, check, until


def locks(one, other, root):
    with one.Lock(root + "/lock", "one"):
        check("a lock excludes", not other.Lock(root + "/lock", "other").acquire(blocking=False))
    with other.Lock(root + "/lock", "other"):
        check("who holds it", one.Lock(root + "/lock", "x").contenders() == ["other"])
    with one.ReadLock(root + "/rw", "one"):
        check("readers share", other.ReadLock(root + "/rw", "other").acquire(timeout=WAIT))
        check("no writer", not other.WriteLock(root + "/rw", "w").acquire(blocking=False))


def semaphores(one, other, root):
    mine, theirs = (client.Semaphore(root, "it", max_leases=1) for client in (one, other))
    check("a lease", mine.acquire(timeout=WAIT))
    check("no more", not theirs.acquire(blocking=False))
    mine.release()
    check("a free lease", theirs.acquire(timeout=WAIT))
    theirs.release()


def elections(one, other, root):
    led = []
    runs = [
        threading.Thread(target=client.Election(root, name).run, args=(led.append, name))
        for client, name in ((one, "one"), (other, "other"))
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(WAIT)
    check("each leads once", sorted(led) == ["one", "other"])


def barriers(one, other, root):
    barrier = one.Barrier(root + "/single")
    barrier.create()
    other.sync(root)
    theirs = other.Barrier(root + "/single")
    check("it holds", not theirs.wait(0.1))
    barrier.remove()
    check("it lets through", theirs.wait(WAIT))
    passed = []

    def pass_through(client):
        double = client.DoubleBarrier(root + "/double", 2, "id-%x" % client.client_id[0])
        double.enter()
        double.leave()
        passed.append(client)

    both = [threading.Thread(target=pass_through, args=(client,)) for client in (one, other)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(WAIT)
    check("both pass", len(passed) == 2)


def queues(one, other, root):
    queue = one.Queue(root + "/queue")
    for number in range(10):
        queue.put(b"%d" % number)
    other.sync(root)
    got = [other.Queue(root + "/queue").get() for _ in range(10)]
    check("in order", got == [b"%d" % number for number in range(10)])
    one.LockingQueue(root + "/locking").put_all([b"a", b"b"])
    locking = other.LockingQueue(root + "/locking")
    for expected in (b"a", b"b"):
        check("one by one", locking.get(timeout=WAIT) == expected and locking.consume())


def parties(one, other, root):
    for party in (lambda client, name: client.Party(root + "/party", name),
                  lambda client, name: client.ShallowParty(root + "/shallow", name)):
        mine, theirs = party(one, "one"), party(other, "other")
        mine.join()
        theirs.join()
        one.sync(root)
        check("both are there", sorted(mine) == ["one", "other"])
        theirs.leave()
        one.sync(root)
        check("one is left", list(mine) == ["one"])
        mine.leave()


def counters(one, other, root):
    def add(client):
        counter = client.Counter(root)
        for _ in range(20):
            counter += 1

    one.ensure_path(root)
    adders = [threading.Thread(target=add, args=(client,)) for client in (one, other)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join(WAIT)
    one.sync(root)
    check("the sum", one.Counter(root).value == 40)


def leases(one, other, root):
    import datetime

    hour = datetime.timedelta(hours=1)
    check("a lease", one.NonBlockingLease(root, hour, "one"))
    other.sync(root)
    check("one holder", not other.NonBlockingLease(root, hour, "other"))


def watchers(one, other, root):
    one.create(root, b"0")
    seen, children = [], []
    one.DataWatch(root, lambda data, stat: seen.append(data))
    one.ChildrenWatch(root, lambda names: children.append(sorted(names)))
    cache = TreeCache(one, root)
    cache.start()
    other.sync(root)
    other.set(root, b"1")
    other.create(root + "/child", b"x")
    until("data is seen", lambda: seen[-1] == b"1")
    until("children are seen", lambda: children[-1] == ["child"])
    until("the copy follows", lambda: cache.get_data(root + "/child") is not None)
    other.delete(root + "/child")
    until("children are seen", lambda: children[-1] == [])
    until("the copy follows", lambda: cache.get_data(root + "/child") is None)
    cache.close()


def partitioners(one, other, root):
    shares = [client.SetPartitioner(root, set(range(4)), identifier=name, time_boundary=0.2)
              for client, name in ((one, "one"), (other, "other"))]

    def shared():
        for share in shares:
            if share.state is PartitionState.RELEASE:
                share.release_set()
        return all(share.acquired for share in shares) and \
            sorted(item for share in shares for item in share) == list(range(4))

    until("all is shared", shared)
    for share in shares:
        share.finish()


ALL = [locks, semaphores, elections, barriers, queues, parties, counters, leases, watchers,
       partitioners]
