// many COUNT READY: COUNT processes that wait and end with this one; READY is made when they are there.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  for (int left = atoi(argv[1]); left > 0; left--) {
    switch (fork()) {
      case -1:
        return 1;
      case 0:
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause();
    }
  }
  close(open(argv[2], O_CREAT | O_WRONLY, 0600));
  for (;;) pause();
}
