/*
 * What the crash test restarts and ends: a service, a session of xinetd, and the mark that each start of the service
 * leaves. Compiled twice with another VERSION, so that one build replaces the other.
 *
 * server mark FILE NAME      appends "NAME INVOCATION_ID MS" to FILE; run by ExecStartPre=
 * server service STOP_MS     runs until TERM and takes that long to end
 * server session FILE        greets with its pid, reads "quick", "slow" or "deaf" and waits; appends "PID MS" to FILE at
 *                            each TERM and then ends at once, after 700 ms, or not
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char version[] = VERSION;
static int log_file = -1;
static int end_after_ms = 0;

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

static void told(int signal) {
  (void)signal;
  if (log_file >= 0) {
    char line[64];
    int length = snprintf(line, sizeof line, "%d %ld\n", (int)getpid(), now_ms());
    if (write(log_file, line, length) != length) _exit(9);
  }
  if (end_after_ms < 0) return;
  usleep(end_after_ms * 1000);
  _exit(0);
}

static int append_to(const char *path) {
  int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) _exit(8);
  return file;
}

int main(int argc, char **argv) {
  if (argc < 3) return 5;
  struct sigaction on_term = {.sa_handler = told, .sa_flags = SA_RESTART | SA_NODEFER};
  if (strcmp(argv[1], "mark") == 0) {
    const char *invocation = getenv("INVOCATION_ID");
    dprintf(append_to(argv[2]), "%s %s %ld\n", argv[3], invocation ? invocation : "-", now_ms());
    return 0;
  }
  if (strcmp(argv[1], "service") == 0) {
    end_after_ms = atoi(argv[2]);
    sigaction(SIGTERM, &on_term, NULL);
    for (;;) pause();
  }
  char line[256];
  log_file = append_to(argv[2]);
  dprintf(1, "%d\n", (int)getpid());
  ssize_t length = read(0, line, sizeof line - 1);
  line[length < 0 ? 0 : length] = '\0';
  end_after_ms = strncmp(line, "deaf", 4) == 0 ? -1 : strncmp(line, "slow", 4) == 0 ? 700 : 0;
  sigaction(SIGTERM, &on_term, NULL);
  dprintf(1, "ready\n");
  while (read(0, line, sizeof line) > 0) {
  }
  return 0;
}
