/* What watches tell: the client's own thread calls the watcher. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static struct { int type; char path[128]; } events[256];
static int noted, taken;

void note(zhandle_t *zh, int type, int state, const char *path, void *context)
{
	(void)zh, (void)state, (void)context;
	if (type == ZOO_SESSION_EVENT)
		return;
	pthread_mutex_lock(&mutex);
	CHECK(noted < 256, "so many events");
	events[noted].type = type;
	snprintf(events[noted++].path, sizeof events[0].path, "%s", path);
	pthread_cond_signal(&arrived);
	pthread_mutex_unlock(&mutex);
}

void expect(int type, const char *path)
{
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 30;
	pthread_mutex_lock(&mutex);
	while (noted == taken)
		CHECK(pthread_cond_timedwait(&arrived, &mutex, &deadline) != ETIMEDOUT,
		      "an event %d of %s", type, path);
	CHECK(events[taken].type == type && !strcmp(events[taken].path, path),
	      "event %d of %s, not %d of %s", type, path, events[taken].type, events[taken].path);
	taken++;
	pthread_mutex_unlock(&mutex);
}

int pending(void)
{
	pthread_mutex_lock(&mutex);
	int count = noted - taken;
	pthread_mutex_unlock(&mutex);
	return count;
}
