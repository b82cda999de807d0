"""What has to outlast members that are killed and started again."""

import threading
import time

from kazoo.exceptions import ConnectionLoss, OperationTimeoutError
from support import ask, check, session, settle, until


class Writer(threading.Thread):
    """Creates one znode after the other, and knows which were acknowledged."""

    def __init__(self, connect, root):
        super().__init__(daemon=True)
        self.client = session(connect)
        self.root, self.acknowledged, self.stopping = root, [], False
        self.start()

    def run(self):
        number = 0
        while not self.stopping:
            number += 1
            try:
                self.acknowledged.append(self.client.create("%s/w%d" % (self.root, number)))
            except (ConnectionLoss, OperationTimeoutError):
                # Nobody knows what became of it: it is not repeated.
                pass
            time.sleep(0.01)


def survive(connect, all_members, root):
    one, other = session(connect), session(all_members)
    mine = one.client_id[0]
    data, made, listed, alive = (root + "/" + it for it in ("data", "made", "list", "alive"))
    for path in (root, data, listed):
        other.create(path)
    one.sync(root)
    one.create(alive, ephemeral=True)
    # kazoo gives up one-shot watches when its connection breaks; these recipes arm them anew.
    seen, there, children = [], [], []
    one.DataWatch(data, lambda value, stat: seen.append(value))
    one.DataWatch(made, lambda value, stat: there.append(stat is not None))
    one.ChildrenWatch(listed, lambda names: children.append(sorted(names)))
    held = one.Lock(root + "/lock", "one")
    check("a lock", held.acquire())

    writer = Writer(all_members, root)
    ask("restart leader")
    ask("restart %#x" % mine)
    ask("start " + ask("stop %#x" % mine))

    # Changes while the client is away are seen once it is back.
    down = ask("kill %#x" % mine)
    settle(other)
    other.set(data, b"1")
    other.set(data, b"2")
    other.create(made)
    other.create(listed + "/child")
    ask("start " + down)
    until("data is seen", lambda: seen[-1] == b"2")
    until("what was made is seen", lambda: there[-1])
    until("children are seen", lambda: children[-1] == ["child"])
    settle(other)
    other.set(data, b"3")
    other.create(listed + "/another")
    until("data is seen", lambda: seen[-1] == b"3")
    until("children are seen", lambda: children[-1] == ["another", "child"])
    check("values once each: %s" % seen, len(seen) == len(set(seen)))

    writer.stopping = True
    writer.join()
    check("something was written", writer.acknowledged)
    settle(one)
    for path in writer.acknowledged:
        check(path + " was acknowledged, and is there", one.exists(path))
    check("the session", one.client_id[0] == mine)
    stat = one.exists(alive)
    check("the ephemeral znode is there", stat and stat.ephemeralOwner == mine)
    check("the lock is held", not other.Lock(root + "/lock", "other").acquire(blocking=False))
    held.release()
    one.stop()
    other.sync(root)
    check("it goes with its session", other.exists(alive) is None)
    for client in (other, writer.client):
        client.stop()
