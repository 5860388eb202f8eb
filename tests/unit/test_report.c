/* What of the report is worth a test without a journal: text that is safe in a page. */
#include "report/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void text_is_safe(void **state)
{
	CLEANUP(str_clear) struct str html = { 0 };

	(void)state;
	report_html_text(&html, NULL);
	report_html_text(&html, "a<b>&\"c'\n\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_string_equal(str_text(&html), "a&lt;b&gt;&amp;&quot;c&#39;\n\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	str_reset(&html);
	/* Alone, cut off, too long, a half of UTF-16, beyond the last, C0 and C1. */
	report_html_text(&html, "\xff|\xe2\x82|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\x1b|\x7f|\xc2\x9b|");
	assert_string_equal(str_text(&html),
			    "\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|"
			    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd|");
}

static void an_address_is_relative_only_below(void **state)
{
	CLEANUP(str_clear) struct str html = { 0 };

	(void)state;
	report_html_address(&html, "/a/b", "/a/b/c d/\"#?%.log");
	assert_string_equal(str_text(&html), "./c%20d/%22%23%3F%25.log");
	str_reset(&html);
	report_html_address(&html, "/a/b", "/a/bc/x");
	assert_string_equal(str_text(&html), "file:///a/bc/x");
	str_reset(&html);
	report_html_address(&html, "", "/a/x");
	assert_string_equal(str_text(&html), "file:///a/x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_safe),
		cmocka_unit_test(an_address_is_relative_only_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
