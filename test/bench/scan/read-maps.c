// Only reads every maps file: no scan that reads them can cost less.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static char buffer[256 * 1024];

int main(void) {
  DIR *proc = opendir("/proc");
  if (!proc) return 1;
  long long bytes = 0;
  int count = 0;
  for (struct dirent *entry; (entry = readdir(proc));) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/maps", entry->d_name);
    int fd = open(path, O_RDONLY);
    if (fd < 0) continue;
    count++;
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) bytes += got;
    close(fd);
  }
  printf("%d %lld\n", count, bytes);
  return 0;
}
