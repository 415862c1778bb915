/*
 * A small inetd-style server: xinetd hands it a connection as standard input and output. It greets with its version,
 * answers lines and waits, so a session keeps the build it was started with for as long as the client wants.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
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
