/* What the parts of the program share. */
#ifndef CLIENT_H
#define CLIENT_H

#include <zookeeper/zookeeper.h>

/* Ends the program unless it is so. */
#define CHECK(truth, ...) do { if (!(truth)) fail(__FILE__, __LINE__, __VA_ARGS__); } while (0)

void fail(const char *file, int line, const char *format, ...);

/* A session. */
zhandle_t *session(const char *connect);
/* Waits until the connection is there again and there is a leader. */
void settle(zhandle_t *zh);
/* A path; the last ones stay valid for as long as anyone looks at them. */
const char *path(const char *root, const char *name);

/* A watcher that notes what it is told. */
void note(zhandle_t *zh, int type, int state, const char *path, void *context);
/* Waits for the next event that was noted. */
void expect(int type, const char *path);
/* How many events were noted and not waited for. */
int pending(void);

/* Has a fault done to the ensemble; gives the member that was meant. */
const char *ask(const char *verb, const char *whom);

void use(zhandle_t *one, zhandle_t *other, const char *root);
void survive(const char *connect, const char *all, const char *root);

#endif
