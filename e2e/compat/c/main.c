/* Uses an ensemble through the C client while its members restart: client CONNECT ALL ROOT */
#include <stdio.h>

#include "client.h"

int main(int count, char **arguments)
{
	if (count != 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
	zhandle_t *one = session(arguments[1]), *other = session(arguments[2]);
	use(one, other, arguments[3]);
	zookeeper_close(one);
	zookeeper_close(other);
	survive(arguments[1], arguments[2], arguments[3]);
	puts("all is well");
	return 0;
}
