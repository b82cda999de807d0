"""Makes five members of three, and three of five, through kazoo: python reconfig.py MEMBERS LINES"""

import sys

from kazoo.exceptions import BadArgumentsError, BadVersionError, ConnectionLoss, NoAuthError
from support import ask, check, session, settle, until

CONFIG = "/zookeeper/config"

members, joining = (argument.split(",") for argument in sys.argv[1:])
admin = session(",".join(members))


def fails(error, **change):
    try:
        reconfig(**change)
    except error:
        return
    check("%s of %s" % (error.__name__, change), False)


def reconfig(joining=None, leaving=None, new_members=None, version=-1):
    return admin.reconfig(joining, leaving, new_members, version)


def change(version, **change):
    """Whether it came to pass is not known after a lost connection: then the version says so."""
    while True:
        try:
            data, stat = reconfig(version=version, **change)
        except ConnectionLoss:
            settle(admin)
            data, stat = admin.get(CONFIG)
        if stat.mzxid > version:
            check("a version below", data.decode().endswith("\nversion=%x" % stat.mzxid))
            check("the znode's own version", stat.version == -1)
            return data.decode(), stat.mzxid


def server_of(line):
    """What every server shows of a line; the election port may be another."""
    start, _, rest = line.partition(":")
    port, _, _ = rest.partition(":")
    return "%s:%s:" % (start, port), ":participant;" + line.partition(";")[2]


def shows(text, line):
    start, end = server_of(line)
    return any(it.startswith(start) and it.endswith(end) for it in text.split("\n"))


class Watcher:
    """A client of one server, that watches the configuration there."""

    def __init__(self, address):
        self.address = address
        self.client = session(address)
        self.fired = False

    def watch(self):
        self.fired = False
        self.client.get(CONFIG, watch=self.tell)

    def tell(self, event):
        self.fired = True

    def wait(self, text):
        until("the watch fires on " + self.address, lambda: self.fired)
        self.see(text)

    def see(self, text):
        def same():
            try:
                return self.client.get(CONFIG)[0].decode() == text
            except ConnectionLoss:
                return False

        until("the configuration is seen on " + self.address, same)

    def stop(self):
        self.client.stop()
        self.client.close()


text, stat = admin.get(CONFIG)
text, version = text.decode(), stat.mzxid
check("three servers in " + text, text.count("server.") == 3)
fails(NoAuthError, leaving="3")
admin.add_auth("digest", "super:secret")
fails(BadVersionError, joining=joining[0], version=version + 1)
fails(BadArgumentsError, joining="server.4=nonsense")
fails(BadArgumentsError, leaving="1,2")
fails(BadArgumentsError, new_members="nonsense")
check("it is as before", admin.get(CONFIG)[0].decode() == text)

watchers = [Watcher(address) for address in members]
for line in joining:
    for watcher in watchers:
        watcher.watch()
    text, version = change(version, joining=line)
    check(line + " in " + text, shows(text, line))
    for watcher in watchers:
        watcher.wait(text)
    # It serves, too.
    watcher = Watcher(line.partition(";")[2])
    watcher.see(text)
    watchers.append(watcher)

# The leader goes, and one more with it.
leader = ask("find leader")
other = next(it.address for it in watchers[1:] if it.address != leader)
gone = {}
for line in text.split("\n"):
    if line.partition(";")[2] in (leader, other):
        gone[line.partition("=")[0].partition(".")[2]] = line
for watcher in watchers:
    if watcher.address in (leader, other):
        watcher.stop()
watchers = [it for it in watchers if it.address not in (leader, other)]
for watcher in watchers:
    watcher.watch()
text, version = change(version, leaving=",".join(gone))
check("three servers in " + text, text.count("server.") == 3)
for watcher in watchers:
    watcher.wait(text)

# One of them is back, in a list of all.
back = gone.popitem()[1]
lines = [line for line in text.split("\n") if line.startswith("server.")] + [back]
for watcher in watchers:
    watcher.watch()
settle(admin)
text, version = change(version, new_members=",".join(lines))
check("four servers in " + text, text.count("server.") == 4 and shows(text, back))
for watcher in watchers:
    watcher.wait(text)
watcher = Watcher(back.partition(";")[2])
watcher.see(text)
for watcher in watchers + [watcher]:
    watcher.stop()
admin.stop()
admin.close()
print("all is well")
