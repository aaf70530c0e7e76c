/*
 * The control socket itself: who gets in, what a bad line costs, who is dropped. Only
 * commands that need no proxy are asked, so that none has to be there.
 */
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/ctl.h"
#include "tests/fixture/suite.h"

static char folder[64], path[CONFIG_SOCKET_MAX], why[HOST_WHY_MAX];
static struct host h;
static struct ctl *ctl;

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	strcpy(folder, "/tmp/pias-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/run/ctl.sock", folder);
	memset(&h, 0, sizeof(h));
	h.base = event_base_new();
	h.env.counters.v[COUNTER_joins] = 42;
	ctl = ctl_new(&h, path, why);
	ck_assert_msg(ctl, "%s", why);
}

static void teardown(void)
{
	char run[80];

	ctl_free(ctl);
	event_base_free(h.base);
	ck_assert_int_ne(access(path, F_OK), 0);
	snprintf(run, sizeof(run), "%s/run", folder);
	ck_assert_int_eq(rmdir(run), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void turn(void)
{
	int i;

	for (i = 0; i < 10; i++)
		event_base_loop(h.base, EVLOOP_NONBLOCK);
}

static int enter(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sa.sun_path, path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	turn();
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	turn();
}

/* What is there to be read; "" for nothing, NULL if we were dropped. */
static const char *hear(int fd)
{
	static char buf[65536];
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	buf[n > 0 ? n : 0] = '\0';
	return n == 0 || (n < 0 && errno != EAGAIN) ? NULL : buf;
}

START_TEST(test_answers)
{
	int fd = enter();
	const char *reply;

	say(fd, "{\"cmd\":\"counters\"}\n");
	reply = hear(fd);
	ck_assert_ptr_nonnull(strstr(reply, "\"ok\":true"));
	ck_assert_ptr_nonnull(strstr(reply, "\"joins\":42"));
	ck_assert_ptr_eq(strchr(reply, '\n'), reply + strlen(reply) - 1);
	/* And again on the same connection, in pieces. */
	say(fd, "{\"cmd\":");
	ck_assert_str_eq(hear(fd), "");
	say(fd, "\"counters\"}\n");
	ck_assert_ptr_nonnull(strstr(hear(fd), "\"ok\":true"));
	close(fd);
	turn();
}
END_TEST

START_TEST(test_several_lines_at_once)
{
	int fd = enter(), n = 0;
	const char *p;

	say(fd, "{\"cmd\":\"counters\"}\n{\"cmd\":\"x\"}\n{\"cmd\":\"counters\"}\n");
	for (p = hear(fd); (p = strchr(p, '\n')); p++)
		n++;
	ck_assert_int_eq(n, 3);
	close(fd);
}
END_TEST

START_TEST(test_bad_line)
{
	int fd = enter();

	say(fd, "hello\n");
	ck_assert_str_eq(hear(fd),
			 "{\"ok\":false,\"error\":\"the request is not one JSON "
			 "object\"}\n");
	say(fd, "{\"cmd\":\"counters\"}\n");
	ck_assert_ptr_nonnull(strstr(hear(fd), "\"ok\":true"));
	close(fd);
}
END_TEST

START_TEST(test_line_too_long)
{
	static char line[2 * CTL_LINE_MAX];
	int fd = enter();

	memset(line, ' ', sizeof(line) - 2);
	line[sizeof(line) - 2] = _i ? '\n' : ' ';
	say(fd, line);
	ck_assert_ptr_null(hear(fd));
	close(fd);
}
END_TEST

START_TEST(test_too_many_clients)
{
	int fd[CTL_CLIENTS_MAX + 1], i;

	for (i = 0; i <= CTL_CLIENTS_MAX; i++)
		fd[i] = enter();
	ck_assert_ptr_nonnull(
		strstr(hear(fd[CTL_CLIENTS_MAX]), "too many control clients"));
	ck_assert_ptr_null(hear(fd[CTL_CLIENTS_MAX]));
	ck_assert_str_eq(hear(fd[0]), "");
	close(fd[0]);
	turn();
	fd[0] = enter();
	say(fd[0], "{\"cmd\":\"counters\"}\n");
	ck_assert_ptr_nonnull(strstr(hear(fd[0]), "\"ok\":true"));
	for (i = 0; i <= CTL_CLIENTS_MAX; i++)
		close(fd[i]);
}
END_TEST

/* Does not take its answers: the next request waits, nothing piles up. */
START_TEST(test_slow_reader)
{
	int i, fd = enter();
	ssize_t n = 0;

	for (i = 0; i < 2000 && n >= 0; i++) {
		n = write(fd, "{\"cmd\":\"counters\"}\n", 19);
		turn();
	}
	ck_assert_int_lt(n, 0); /* our requests are not read any more */
	close(fd);
	turn();
}
END_TEST

START_TEST(test_mode)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
}
END_TEST

START_TEST(test_in_use)
{
	ck_assert_ptr_null(ctl_new(&h, path, why));
	ck_assert_msg(strstr(why, "another piasd"), "%s", why);
}
END_TEST

/* A killed daemon leaves its socket behind. */
START_TEST(test_stale)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ctl_free(ctl);
	strcpy(sa.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd);
	ctl = ctl_new(&h, path, why);
	ck_assert_msg(ctl, "%s", why);
}
END_TEST

/* But a file that is none of ours stays. */
START_TEST(test_not_a_socket)
{
	int fd;

	ctl_free(ctl);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	ctl = ctl_new(&h, path, why);
	ck_assert_ptr_null(ctl);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

static void fill(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_answers);
	tcase_add_test(c, test_several_lines_at_once);
	tcase_add_test(c, test_bad_line);
	tcase_add_loop_test(c, test_line_too_long, 0, 2);
	tcase_add_test(c, test_too_many_clients);
	tcase_add_test(c, test_slow_reader);
	tcase_add_test(c, test_mode);
	tcase_add_test(c, test_in_use);
	tcase_add_test(c, test_stale);
	tcase_add_test(c, test_not_a_socket);
}

int main(void)
{
	return suite_main("ctl", fill);
}
