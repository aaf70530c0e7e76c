/*
 * fork and exec, with a pipe that closes by itself when the exec succeeds and carries
 * its errno when it does not: so a command that can't be run is known at once, and not
 * mistaken for one that ran and failed.
 */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(char **argv, pid_t parent, int report)
{
	sigset_t none;
	ssize_t n;
	int err;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1); /* it died before we asked to be told */
	execvp(argv[0], argv);
	err = errno;
	n = write(report, &err, sizeof(err));
	_exit(n == (ssize_t)sizeof(err) ? 127 : 126);
}

int child_start(char **argv, pid_t *out)
{
	pid_t parent = getpid(), pid;
	int report[2], err = 0;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid == 0)
		become(argv, parent, report[1]);
	if (pid < 0)
		err = -errno;
	close(report[1]);
	if (pid > 0) {
		do
			n = read(report[0], &err, sizeof(err));
		while (n < 0 && errno == EINTR);
		err = n == (ssize_t)sizeof(err) ? -err : 0;
	}
	close(report[0]);
	if (pid > 0 && err)
		waitpid(pid, NULL, 0);
	*out = err ? -1 : pid;
	return err;
}

int child_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
