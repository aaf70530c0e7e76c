/* One line that came over the control socket. Whatever is refused is explained. */
#include "cli/ctl_request.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ctl_request request;
	char why[CTL_WHY_MAX] = "";

	if (len >= CTL_LINE_MAX)
		return 0;
	if (ctl_request_parse(&request, (const char *)data, len, why))
		must(why[0] && memchr(why, 0, sizeof(why)));
	else
		must(request.command < N_CTL_COMMANDS);
	return 0;
}
