/* What has to outlast members that are killed and started again. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

enum { MANY = 20000 };

/* A thread that creates one znode after the other, and knows which were acknowledged. */
static struct {
	zhandle_t *zh;
	const char *root;
	atomic_int stop;
	int made;
	char acknowledged[MANY];
} writer;

static void *write_on(void *unused)
{
	(void)unused;
	for (int number = 0; number < MANY && !writer.stop; number++) {
		char path[128];
		snprintf(path, sizeof path, "%s/w%d", writer.root, number);
		/* Nobody knows what became of one that fails: it is not repeated. */
		int code = zoo_create(writer.zh, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
		writer.acknowledged[number] = code == ZOK;
		writer.made = number + 1;
		usleep(10000);
	}
	return NULL;
}

static void verify(zhandle_t *reader)
{
	int found = 0;
	settle(reader);
	for (int number = 0; number < writer.made; number++) {
		char path[128];
		snprintf(path, sizeof path, "%s/w%d", writer.root, number);
		if (!writer.acknowledged[number])
			continue;
		found++;
		CHECK(zoo_exists(reader, path, 0, NULL) == ZOK, "%s was acknowledged, and is there", path);
	}
	CHECK(found > 0, "something was written");
}

void survive(const char *connect, const char *all, const char *root)
{
	zhandle_t *one = session(connect), *other = session(all);
	char id[32], member[64];
	int64_t mine = zoo_client_id(one)->client_id;
	snprintf(id, sizeof id, "0x%llx", (unsigned long long)mine);
	const char *data = path(root, "data"), *made = path(root, "made"), *alive = path(root, "alive");
	CHECK(zoo_create(other, data, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0) == ZOK, "data");
	settle(one);
	CHECK(zoo_create(one, alive, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0) == ZOK, "alive");
	CHECK(zoo_wexists(one, data, note, NULL, NULL) == ZOK, "a watch");
	CHECK(zoo_wexists(one, made, note, NULL, NULL) == ZNONODE, "a watch");

	pthread_t thread;
	writer.zh = session(all);
	writer.root = root;
	CHECK(pthread_create(&thread, NULL, write_on, NULL) == 0, "a thread");
	ask("restart", "leader");
	ask("restart", id);
	snprintf(member, sizeof member, "%s", ask("stop", id));
	ask("start", member);

	/* Changes while the client is away are told once it is back, and each of them once. */
	snprintf(member, sizeof member, "%s", ask("kill", id));
	settle(other);
	CHECK(zoo_set(other, data, "1", 1, -1) == ZOK && zoo_set(other, data, "2", 1, -1) == ZOK, "data");
	ask("start", member);
	expect(ZOO_CHANGED_EVENT, data);
	settle(one);
	settle(other);
	CHECK(zoo_create(other, made, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0) == ZOK, "made");
	expect(ZOO_CREATED_EVENT, made);

	writer.stop = 1;
	pthread_join(thread, NULL);
	zookeeper_close(writer.zh);
	verify(one);
	CHECK(pending() == 0, "each watch tells once: %d more", pending());
	struct Stat stat;
	CHECK(zoo_client_id(one)->client_id == mine, "the session");
	CHECK(zoo_exists(one, alive, 0, &stat) == ZOK && stat.ephemeralOwner == mine,
	      "the ephemeral znode is there");
	zookeeper_close(one);
	settle(other);
	CHECK(zoo_exists(other, alive, 0, NULL) == ZNONODE, "it goes with its session");
	zookeeper_close(other);
}
