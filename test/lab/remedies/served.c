/* A daemon for the lab: prints its version, listens on the TCP port it is given, if any, and stays. Built with -DVERSION. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc > 1 && strcmp(argv[1], "-t") == 0) return 0; /* called sshd, it is content with its configuration */
  if (argc > 1) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) != 0 || listen(fd, 8) != 0) {
      perror("served");
      return 1;
    }
  }
  printf("served %s\n", VERSION);
  for (;;) pause();
}
