/* Effective capabilities, asked of the kernel without a library. */
#include "cli/capability.h"

#include <sys/syscall.h>
#include <unistd.h>

bool capability_has(unsigned cap)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{0}};

	if (syscall(SYS_capget, &h, d))
		return true;
	return d[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}
