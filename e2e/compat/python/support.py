"""Sessions, checks, and faults on request."""

import sys
import time

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss, OperationTimeoutError, SessionExpiredError
from kazoo.retry import KazooRetry

WAIT = 30


def check(what, truth):
    if not truth:
        raise AssertionError("not so: " + what)


def until(what, condition):
    deadline = time.monotonic() + 60
    while not condition():
        check(what, time.monotonic() < deadline)
        time.sleep(0.02)


def session(connect):
    retry = KazooRetry(max_tries=-1, delay=0.1, max_delay=0.5)
    client = KazooClient(hosts=connect, timeout=40, connection_retry=retry)
    client.start(timeout=60)
    return client


def settle(client):
    """Waits until the connection is there again and there is a leader."""

    def answers():
        try:
            client.sync("/")
            return True
        except (ConnectionLoss, OperationTimeoutError):
            return False
        except SessionExpiredError:
            sys.exit("the session has expired")

    until("the connection is there again", answers)


def ask(request):
    """Has a fault done to the ensemble; gives the member that was meant."""
    print("@" + request, flush=True)
    answer = sys.stdin.readline().strip()
    check(request + " is done", answer.startswith("done "))
    return answer[len("done "):]
