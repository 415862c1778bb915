/*
 * A small inetd-style server: its super-server hands it a connection as standard input and output. It greets with its
 * version, answers lines and waits, so a session keeps the build it was started with for as long as the client wants.
 * With --wait standard input is the socket that listens (wait = yes), and every connection gets a child.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int serve(void) {
  char line[1024];

  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("* OK imapd %s ready\r\n", VERSION);
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\r\n")] = '\0';
    if (strstr(line, "LOGOUT") != NULL) {
      printf("* BYE imapd %s pid %d\r\n", VERSION, (int)getpid());
      return 0;
    }
    printf("* imapd %s pid %d: %s\r\n", VERSION, (int)getpid(), line);
  }
  return 0;
}

static int serve_all(void) {
  int connection;

  signal(SIGCHLD, SIG_IGN);
  while ((connection = accept(0, NULL, NULL)) >= 0) {
    if (fork() == 0) {
      dup2(connection, 0);
      dup2(connection, 1);
      close(connection);
      return serve();
    }
    close(connection);
  }
  return 1;
}

int main(int argc, char **argv) {
  return argc == 2 && strcmp(argv[1], "--wait") == 0 ? serve_all() : serve();
}
