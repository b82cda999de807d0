/* Sessions, and faults on request. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

void fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fprintf(stderr, "%s:%d: not so: ", file, line);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

zhandle_t *session(const char *connect)
{
	zhandle_t *zh = zookeeper_init(connect, note, 40000, NULL, NULL, 0);
	CHECK(zh != NULL, "a client of %s", connect);
	for (int tries = 0; zoo_state(zh) != ZOO_CONNECTED_STATE; tries++) {
		CHECK(tries < 3000, "a session of %s", connect);
		usleep(20000);
	}
	return zh;
}

void settle(zhandle_t *zh)
{
	/* The client has no waiting sync; a write needs the leader as well. */
	int code = zoo_set(zh, "/", "", 0, -1);
	for (int tries = 0; code != ZOK; tries++) {
		CHECK(tries < 3000 && code != ZSESSIONEXPIRED, "the connection is back: %s", zerror(code));
		usleep(20000);
		code = zoo_set(zh, "/", "", 0, -1);
	}
}

const char *path(const char *root, const char *name)
{
	static char paths[64][128];
	static int next;
	char *text = paths[next++ % 64];
	snprintf(text, sizeof paths[0], "%s/%s", root, name);
	return text;
}

const char *ask(const char *verb, const char *whom)
{
	static char answer[128];
	printf("@%s %s\n", verb, whom);
	CHECK(fgets(answer, sizeof answer, stdin) && !strncmp(answer, "done ", 5), "%s %s", verb, whom);
	answer[strcspn(answer, "\n")] = 0;
	memmove(answer, answer + 5, strlen(answer + 5) + 1);
	return answer;
}
