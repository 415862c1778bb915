// The processes of a scan's benchmark.
//   holder init SPEC [own]                PID 1 of their namespace, and one parent of all, the same with `own`: starts one
//                                         process per line of SPEC, `PROGRAM ARGUMENT...`, prints their numbers and, when
//                                         all are set up, `ready`; a PROGRAM after `-` cannot say that it is set up
//   holder hold LIBRARIES ANON FDS THREADS N...
//                                         loads LIBRARIES/libpoolN.so, maps memory, opens descriptors, starts more
//                                         threads, and waits
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY 3 /* the end of the pipe that tells PID 1 */

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void ready(void) {
  if (write(READY, "x", 1) != 1) fail("write");
  close(READY);
}

static void *rest(void *nothing) {
  for (;;) pause();
  return nothing;
}

static int hold(int argc, char **argv) {
  if (argc < 6) return 2;
  for (int i = atoi(argv[3]); i > 0; i--) {
    /* Neighbours with other rights stay lines of their own in maps. */
    if (mmap(0, 8192, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) fail("mmap");
  }
  for (int i = atoi(argv[4]); i > 0; i--) {
    if (open(i % 2 ? "/dev/null" : argv[0], O_RDONLY) < 0) fail("open");
  }
  for (int i = 6; i < argc; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/libpool%s.so", argv[2], argv[i]);
    if (!dlopen(path, RTLD_NOW)) { fprintf(stderr, "%s\n", dlerror()); return 1; }
  }
  for (int i = atoi(argv[5]); i > 0; i--) {
    pthread_t thread;
    if (pthread_create(&thread, 0, rest, 0)) fail("pthread_create");
  }
  ready();
  for (;;) pause();
}

static void start(char *line, int to) {
  char *words[128];
  int count = 0;
  for (char *word = strtok(line, " \n"); word && count < 127; word = strtok(0, " \n")) words[count++] = word;
  words[count] = 0;
  if (!count) fail("empty line");
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    dup2(to, READY);
    if (*words[0] == '-') {
      words[0]++;
      ready();
    }
    execv(words[0], words);
    fail(words[0]);
  }
  printf("%d\n", pid);
}

static int parent(const char *spec) {
  int ends[2];
  if (pipe(ends)) fail("pipe");
  /* Above READY, so that dup2 onto it changes the descriptor and takes its close-on-exec away. */
  int from = fcntl(ends[0], F_DUPFD_CLOEXEC, 10), to = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
  close(ends[0]);
  close(ends[1]);
  FILE *file = fopen(spec, "re");
  if (!file) fail(spec);
  int count = 0;
  char line[8192];
  for (; fgets(line, sizeof line, file); count++) start(line, to);
  fclose(file);
  close(to);
  char byte;
  for (int i = 0; i < count; i++) {
    if (read(from, &byte, 1) != 1) { fprintf(stderr, "a process ended early\n"); return 1; }
  }
  printf("ready\n");
  fflush(stdout);
  for (;;) if (wait(0) < 0) pause(); /* what contestants leave behind comes to PID 1 */
}

/* needrestart asks about every child of PID 1, at a price, and about one parent once. */
static int init(const char *spec) {
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) return parent(spec);
  for (pid_t ended; (ended = wait(0)) >= 0;) if (ended == pid) return 1;
  return 1;
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "init")) return init(argv[2]);
  if (argc == 4 && !strcmp(argv[1], "init")) return parent(argv[2]);
  if (argc > 1 && !strcmp(argv[1], "hold")) return hold(argc, argv);
  return 2;
}
