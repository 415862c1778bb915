/*
 * What the scenarios run: a program that loads libraries and waits, or serves sessions as inetd's servers do. Compiled
 * twice, as version 1 and 2. Once all is in place it writes its pid to the file after --ready.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

const int version = VERSION;
static const char *ready;
static pthread_t leader;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void say_ready(void) {
  char unfinished[4096];
  FILE *file;
  if (ready == NULL) return;
  snprintf(unfinished, sizeof unfinished, "%s.new", ready);
  file = fopen(unfinished, "w");
  if (file == NULL) fail(unfinished);
  fprintf(file, "%d\n", (int)getpid());
  fclose(file);
  if (rename(unfinished, ready) != 0) fail(ready);
}

static void wait_for_ever(void) {
  say_ready();
  for (;;) pause();
}

/* Executable memory that has a name and is no program: the file is in the folder that the unit works in. */
static void map(const char *kind) {
  int fd = -1;
  if (strcmp(kind, "sysv") == 0) {
    int id = shmget(IPC_PRIVATE, 4096, 0700 | IPC_CREAT);
    if (shmat(id, NULL, SHM_EXEC) == (void *)-1) fail("shmat");
    shmctl(id, IPC_RMID, NULL);
    return;
  }
  if (strcmp(kind, "memfd") == 0) fd = memfd_create("jit", 0);
  if (strcmp(kind, "tmpfile") == 0) fd = open(".", O_TMPFILE | O_RDWR, 0700);
  if (strcmp(kind, "zero") == 0) fd = open("/dev/zero", O_RDWR);
  if (strcmp(kind, "jit") == 0) {
    fd = open("jit.tmp", O_CREAT | O_RDWR, 0700);
    unlink("jit.tmp");
  }
  if (fd < 0) fail(kind);
  if (strcmp(kind, "zero") != 0 && ftruncate(fd, 4096) != 0) fail(kind);
  if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED) fail(kind);
}

/* Becomes the same program, of which no file has a name. */
static void run_from_memory(char **argv) {
  static char block[1 << 20];
  int from = open("/proc/self/exe", O_RDONLY), to = memfd_create("program", MFD_CLOEXEC);
  if (write(to, block, read(from, block, sizeof block)) < 0) fail("memfd");
  fexecve(to, argv, environ);
  fail("fexecve");
}

static void *outlive(void *unused) {
  pthread_join(leader, NULL);
  wait_for_ever();
  return unused;
}

static void leave_to_a_thread(void) {
  pthread_t thread;
  leader = pthread_self();
  if (pthread_create(&thread, NULL, outlive, NULL) != 0) fail("thread");
  pthread_exit(NULL);
}

static void serve(void) {
  char line[1024];
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("* OK %d pid %d\r\n", VERSION, (int)getpid());
  while (fgets(line, sizeof line, stdin) != NULL) printf("* %s", line);
  exit(0);
}

/* wait = yes: standard input is the socket that listens, and every connection gets a child. */
static void serve_all(void) {
  for (;;) {
    int connection = accept(0, NULL, NULL);
    if (connection < 0) fail("accept");
    if (fork() == 0) {
      dup2(connection, 0);
      dup2(connection, 1);
      serve();
    }
    close(connection);
  }
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    const char *word = argv[i];
    if (strncmp(word, "--ready=", 8) == 0) ready = word + 8;
    else if (strncmp(word, "--map=", 6) == 0) map(word + 6);
    else if (strncmp(word, "--open=", 7) == 0) { if (open(word + 7, O_RDONLY) < 0) fail(word); }
    else if (strcmp(word, "--from-memory") == 0) { argv[i] = "--ran-from-memory"; run_from_memory(argv); }
    else if (strcmp(word, "--ran-from-memory") == 0) continue;
    else if (strcmp(word, "--leader-exits") == 0) leave_to_a_thread();
    else if (strcmp(word, "--serve") == 0) serve();
    else if (strcmp(word, "--serve-all") == 0) serve_all();
    else if (strcmp(word, "--child") == 0) { if (fork() == 0) wait_for_ever(); ready = NULL; }
    else if (dlopen(word, RTLD_NOW) == NULL) { fprintf(stderr, "%s\n", dlerror()); return 1; }
  }
  wait_for_ever();
}
