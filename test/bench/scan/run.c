// run PID SECONDS OUTPUT COMMAND...: runs a command in the pid and mount namespaces of PID, its output in the files OUTPUT
// and OUTPUT.err, and prints `USER_US SYSTEM_US WALL_US PEAK_KB STATUS`: of the whole tree of processes that it waited for, except that
// the peak is that of the largest process. Small and in C, because a program inherits the peak of what called exec.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void late(int signal) {
  (void)signal;
  kill(-child, SIGKILL);
}

static void enter(const char *pid, const char *kind, int flag) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/ns/%s", pid, kind);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path);
  if (setns(fd, flag)) fail(path);
  close(fd);
}

static int create(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) fail(path);
  return fd;
}

static long long microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  char errors[4096];
  snprintf(errors, sizeof errors, "%s.err", argv[3]);
  int in = open("/dev/null", O_RDONLY | O_CLOEXEC), out = create(argv[3]), err = create(errors);
  if (in < 0) fail("/dev/null");
  enter(argv[1], "pid", CLONE_NEWPID);
  enter(argv[1], "mnt", CLONE_NEWNS);
  if (chdir("/")) fail("/");
  long long began = microseconds();
  child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    setpgid(0, 0);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    execvp(argv[4], argv + 4);
    fail(argv[4]);
  }
  setpgid(child, child);
  signal(SIGALRM, late);
  alarm(atoi(argv[2]));
  int status;
  struct rusage used;
  while (wait4(child, &status, 0, &used) != child) {}
  printf("%lld %lld %lld %ld %d\n", used.ru_utime.tv_sec * 1000000LL + used.ru_utime.tv_usec,
         used.ru_stime.tv_sec * 1000000LL + used.ru_stime.tv_usec, microseconds() - began, used.ru_maxrss,
         WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
