/* Reads, writes, watches, multis and ACLs. */
#include <stdio.h>
#include <string.h>

#include "client.h"

static void create(zhandle_t *zh, const char *path, int mode)
{
	int code = zoo_create2(zh, path, "x", 1, &ZOO_OPEN_ACL_UNSAFE, mode, NULL, 0, NULL);
	CHECK(code == ZOK, "%s is made: %s", path, zerror(code));
}

static void znodes(zhandle_t *one, zhandle_t *other, const char *root)
{
	char data[16], name[128];
	int length = sizeof data;
	struct Stat stat;
	create(one, root, ZOO_PERSISTENT);
	CHECK(zoo_set2(one, root, "second", 6, 0, &stat) == ZOK && stat.version == 1, "a write");
	settle(other);
	CHECK(zoo_get(other, root, 0, data, &length, &stat) == ZOK && length == 6
	      && !memcmp(data, "second", 6), "another session's read");
	CHECK(zoo_set(one, root, "x", 1, 7) == ZBADVERSION, "a wrong version");
	CHECK(zoo_create(one, root, "x", 1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0) == ZNODEEXISTS, "again");
	CHECK(zoo_exists(one, path(root, "missing"), 0, &stat) == ZNONODE, "what is missing");
	CHECK(zoo_create(one, path(root, "n-"), "", 0, &ZOO_OPEN_ACL_UNSAFE,
			 ZOO_EPHEMERAL_SEQUENTIAL, name, sizeof name) == ZOK
	      && !strcmp(name, path(root, "n-0000000000")), "a number: %s", name);
	CHECK(zoo_create2_ttl(one, path(root, "ttl"), "", 0, &ZOO_OPEN_ACL_UNSAFE,
			      ZOO_PERSISTENT_WITH_TTL, 3600000, NULL, 0, &stat) == ZOK, "a TTL");
	create(one, path(root, "container"), ZOO_CONTAINER);
	struct String_vector names;
	CHECK(zoo_get_children2(one, root, 0, &names, &stat) == ZOK && names.count == 3
	      && stat.numChildren == 3, "children");
	deallocate_String_vector(&names);
	CHECK(zoo_delete(one, root, -1) == ZNOTEMPTY, "a parent stays");
}

static void multis(zhandle_t *one, const char *root)
{
	zoo_op_t ops[3];
	zoo_op_result_t results[3];
	const char *a = path(root, "a");
	zoo_create_op_init(&ops[0], a, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
	zoo_check_op_init(&ops[1], a, 0);
	zoo_delete_op_init(&ops[2], a, 0);
	CHECK(zoo_multi(one, 3, ops, results) == ZOK && results[2].err == ZOK, "all");
	zoo_delete_op_init(&ops[2], path(root, "missing"), -1);
	CHECK(zoo_multi(one, 3, ops, results) == ZNONODE && results[2].err == ZNONODE, "or nothing");
	CHECK(zoo_exists(one, a, 0, NULL) == ZNONODE, "what was undone");
}

static void watches(zhandle_t *one, zhandle_t *other, const char *root)
{
	const char *watched = path(root, "watched"), *child = path(root, "watched/child");
	struct String_vector names;
	CHECK(zoo_wexists(one, watched, note, NULL, NULL) == ZNONODE, "a watch");
	create(other, watched, ZOO_PERSISTENT);
	expect(ZOO_CREATED_EVENT, watched);
	settle(one);
	CHECK(zoo_wexists(one, watched, note, NULL, NULL) == ZOK, "a watch");
	CHECK(zoo_set(other, watched, "1", 1, -1) == ZOK && zoo_set(other, watched, "2", 1, -1) == ZOK, "");
	expect(ZOO_CHANGED_EVENT, watched);
	CHECK(zoo_wget_children(one, watched, note, NULL, &names) == ZOK, "a watch");
	deallocate_String_vector(&names);
	create(other, child, ZOO_PERSISTENT);
	expect(ZOO_CHILD_EVENT, watched);
	CHECK(zoo_wexists(one, child, note, NULL, NULL) == ZOK, "a watch");
	CHECK(zoo_delete(other, child, -1) == ZOK, "a deletion");
	expect(ZOO_DELETED_EVENT, child);
	settle(one);
	CHECK(pending() == 0, "each watch tells once: %d more", pending());
}

static void authenticated(int code, const void *data)
{
	*(volatile int *)data = code;
}

static void access_lists(zhandle_t *one, zhandle_t *other, const char *root)
{
	const char *mine = path(root, "mine");
	volatile int code = 1;
	CHECK(zoo_add_auth(one, "digest", "user:secret", 11, authenticated, (const void *)&code) == ZOK, "");
	int made = zoo_create(one, mine, "x", 1, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0);
	CHECK(made == ZOK && code == ZOK, "one's own: %s", zerror(made));
	settle(other);
	CHECK(zoo_set(other, mine, "", 0, -1) == ZNOAUTH, "a stranger has no access");
}

void use(zhandle_t *one, zhandle_t *other, const char *root)
{
	znodes(one, other, root);
	multis(one, root);
	watches(one, other, root);
	access_lists(one, other, root);
}
