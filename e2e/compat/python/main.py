"""Uses an ensemble through kazoo while its members restart: python main.py CONNECT ALL ROOT"""

import sys

import recipes
import restarts
from support import session

connect, all_members, root = sys.argv[1:]
one, other = session(connect), session(all_members)
one.create(root)
other.sync(root)
for recipe in recipes.ALL:
    recipe(one, other, root + "/" + recipe.__name__)
for client in (one, other):
    client.stop()
    client.close()
restarts.survive(connect, all_members, root + "/restarts")
print("all is well")
