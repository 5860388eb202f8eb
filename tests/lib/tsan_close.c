/* For TSan alone, linked into what it checks. libuv closes descriptors by syscall(SYS_close), which TSan does not see; it then takes the next descriptor of
 * that number, opened by another thread, for the same one, and calls it a race. Here that close is one that it sees. */
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

long syscall(long number, ...)
{
	long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long v[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		v[i] = va_arg(args, long);
	va_end(args);
	return number == SYS_close ? close((int)v[0]) : real(number, v[0], v[1], v[2], v[3], v[4], v[5]);
}
