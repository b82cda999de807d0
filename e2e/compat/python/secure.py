"""TLS with certificates and SASL DIGEST-MD5: python secure.py SECURE PLAIN ROOT FOLDER NAME"""

import sys

from kazoo.client import KazooClient
from kazoo.exceptions import AuthFailedError, InvalidACLError, KazooException, NoAuthError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry
from kazoo.security import ACL, Id, make_acl
from support import ask, check, settle

secure, plain, root, folder, name = sys.argv[1:]


def session(tls=False, user=None, password=None):
    options = {}
    if tls:
        options.update(use_ssl=True, ca=folder + "/ca.pem", verify_certs=True)
        options.update(certfile=folder + "/client.crt", keyfile=folder + "/client.key")
    if user:
        options["sasl_options"] = {"mechanism": "DIGEST-MD5", "username": user, "password": password}
    retry = KazooRetry(max_tries=-1, delay=0.1, max_delay=0.5)
    client = KazooClient(secure if tls else plain, timeout=40, connection_retry=retry, **options)
    return client


def started(**who):
    client = session(**who)
    client.start(timeout=60)
    return client


def refused(error, call):
    try:
        call()
    except error:
        return
    raise AssertionError("no " + error.__name__)


bob, nobody = started(tls=True), started()
user = started(user="bob", password="bobsecret")
both = started(tls=True, user="bob", password="bobsecret")
mine = [make_acl("auth", "", all=True)]
bob.create(root)
bob.create(root + "/x509", acl=mine)
check("the list of a certificate", bob.get_acls(root + "/x509")[0] == [ACL(31, Id("x509", name))])
user.sync(root)
user.create(root + "/sasl", acl=mine)
check("the list of a user", user.get_acls(root + "/sasl")[0] == [ACL(31, Id("sasl", "bob"))])
refused(NoAuthError, lambda: nobody.get(root + "/x509"))
refused(NoAuthError, lambda: nobody.get(root + "/sasl"))
refused(NoAuthError, lambda: user.get(root + "/x509"))
refused(InvalidACLError, lambda: bob.create(root + "/bad", acl=[make_acl("x509", "nobody", all=True)]))
wrong = session(user="bob", password="wrong")
try:
    wrong.start(timeout=5)
    refused(KazooException, lambda: wrong.get(root))
except (AuthFailedError, KazooTimeoutError):
    pass
wrong.stop()

before = both.client_id[0]
ask("restart " + plain)
settle(both)
both.get(root + "/x509")
both.get(root + "/sasl")
check("the session", both.client_id[0] == before)
for client in (bob, nobody, user, both):
    client.stop()
    client.close()
print("all is well")
