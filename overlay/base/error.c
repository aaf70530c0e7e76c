/* The texts of error.h. */
#include "overlay/base/error.h"

const char *error_text(int err)
{
	switch (err) {
	case 0:
		return "success";
#define X(name, code, text)                                                              \
	case PIAS_E##name:                                                               \
		return text;
		PIAS_ERRORS(X)
#undef X
	default:
		return "unknown error";
	}
}
