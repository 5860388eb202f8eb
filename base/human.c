#include "base/human.h"

#include "base/str.h"

#include <time.h>

char *human_bytes(uint64_t bytes)
{
	if (bytes < 1000)
		return xasprintf("%u bytes", (unsigned int)bytes);
	if (bytes < 1000000)
		return xasprintf("%.0f KB", (double)bytes / 1e3);
	return bytes < 1000000000 ? xasprintf("%.1f MB", (double)bytes / 1e6) : xasprintf("%.1f GB", (double)bytes / 1e9);
}

char *human_duration(int64_t ms)
{
	if (ms < 1000)
		return xasprintf("%lld ms", (long long)ms);
	if (ms < 60000)
		return xasprintf("%.1f s", (double)ms / 1e3);
	return xasprintf("%lld min %02lld s", (long long)(ms / 60000), (long long)(ms / 1000 % 60));
}

char *human_time(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[32];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	return xstrdup(text);
}
