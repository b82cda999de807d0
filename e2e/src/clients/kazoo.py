"""Uses an ensemble through kazoo: python kazoo.py CONNECT ROOT"""

import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NodeExistsError, RolledBackError
from kazoo.security import make_digest_acl

connect, root = sys.argv[1:]
WAIT = 20


def check(what, truth):
    if not truth:
        sys.exit("kazoo: not so: " + what)


def session():
    client = KazooClient(hosts=connect, timeout=10)
    client.start(timeout=WAIT)
    return client


one, other = session(), session()

# Reads and writes, seen by another session.
one.create(root, b"first", makepath=True)
one.set(root, b"second", version=0)
other.sync(root)
data, stat = other.get(root)
check("another session reads what was written", (data, stat.version) == (b"second", 1))
for call, error in [
    (lambda: one.set(root, b"x", version=7), BadVersionError),
    (lambda: one.create(root, b"x"), NodeExistsError),
]:
    try:
        call()
    except error:
        continue
    sys.exit("kazoo: no " + error.__name__)

# Watches: one event for each that was armed.
events, seen = [], threading.Event()


def watch(event):
    events.append((event.type, event.path))
    seen.set()


other.get(root, watch=watch)
one.set(root, b"third")
one.set(root, b"fourth")
check("a watch fires", seen.wait(WAIT))
other.sync(root)
check("a watch fires once", events == [("CHANGED", root)])
seen.clear()
other.get_children(root, watch=watch)
one.create(root + "/child", b"")
check("a child watch fires", seen.wait(WAIT) and events[-1] == ("CHILD", root))

# Ephemeral znodes go with their session.
one.create(root + "/alive", b"", ephemeral=True)
gone = threading.Event()
other.sync(root)
check("an ephemeral is seen", other.exists(root + "/alive", watch=lambda _: gone.set()))
one.stop()
check("an ephemeral goes with its session", gone.wait(WAIT))
one.close()
one = session()

# Sequential znodes.
names = [one.create(root + "/n-", b"", sequence=True) for _ in range(3)]
check("numbers rise", names == sorted(names) and len(set(names)) == 3)

# All or nothing.
done = one.transaction()
done.create(root + "/a", b"")
done.set_data(root, b"fifth")
done.check(root + "/child", 0)
check("a transaction is done", all(not isinstance(r, Exception) for r in done.commit()))
undone = one.transaction()
undone.create(root + "/b", b"")
undone.delete(root + "/missing")
check("a failed one is undone", isinstance(undone.commit()[0], RolledBackError))
check("nothing of it is left", one.exists(root + "/b") is None)

# Access lists.
one.add_auth("digest", "user:secret")
one.create(root + "/mine", b"", acl=[make_digest_acl("user", "secret", all=True)])
try:
    other.get(root + "/mine")
    sys.exit("kazoo: a stranger reads what is not theirs")
except Exception as error:
    check("a stranger has no access", type(error).__name__ == "NoAuthError")

# Recipes build on all of it.
with one.Lock(root + "/lock", "one"):
    check("a lock excludes", not other.Lock(root + "/lock", "other").acquire(blocking=False))

one.delete(root, recursive=True)
for client in (one, other):
    client.stop()
    client.close()
print("all is well")
