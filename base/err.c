#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static void format_message(struct err *err, const char *format, va_list args)
{
	vsnprintf(err->message, sizeof(err->message), format, args);
	err->hint[0] = '\0';
}

static void append_errno(struct err *err, int code)
{
	size_t n = strlen(err->message);

	if (n > 0 && err->message[n - 1] == '!') {
		err->message[n - 1] = '\0';
		return;
	}
	/* Of a number that has a text it is a constant, on glibc, musl and macOS; strerror_r has two shapes. */
	snprintf(err->message + n, sizeof(err->message) - n, ": %s", strerror(-code));
}

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	format_message(err, format, args);
	va_end(args);
	append_errno(err, code);
	err->code = code;
	err->class = code == -ECANCELED ? ERR_INTERRUPTED : ERR_FAILED;
	return code;
}

int err_class_set(struct err *err, enum err_class class, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	format_message(err, format, args);
	va_end(args);
	err->code = code;
	err->class = class;
	return code;
}

int err_wrap(struct err *err, int code, const char *format, ...)
{
	char before[ERR_TEXT_SIZE], said[ERR_TEXT_SIZE];
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	vsnprintf(before, sizeof(before), format, args);
	va_end(args);
	memcpy(said, err->message, sizeof(said));
	snprintf(err->message, sizeof(err->message), "%.500s: %.520s", before, said);
	return code;
}

void err_hint(struct err *err, const char *format, ...)
{
	va_list args;

	if (!err)
		return;
	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
}

int err_exit_status(const struct err *err, int code)
{
	if (code == 0)
		return 0;
	if (code == -ECANCELED)
		return ERR_INTERRUPTED;
	return err && err->class ? (int)err->class : ERR_FAILED;
}
