# Forks until a child has this pid, in the pid namespace of the last pid's file; that child leads a session and stays.
# usage: again.pl PID /proc/sys/kernel/ns_last_pid
use POSIX qw(setsid);
my ($wanted, $file) = @ARGV;
for (1 .. 1000) {
  open(my $last, ">", $file) or die "$file: $!";
  syswrite($last, $wanted - 1) or die "$file: $!";
  close($last);
  my $child = fork;
  if (!$child) {
    exit if $$ != $wanted;
    setsid;
    $SIG{$_} = sub { open(my $told, ">", "/opt/reused/told-$_[0]") } for qw(TERM HUP INT QUIT);
    open(STDIN, "<", "/dev/null"); open(STDOUT, ">", "/dev/null"); open(STDERR, ">", "/dev/null");
    sleep 1000 while 1;
  }
  exit if $child == $wanted;
  waitpid($child, 0);
}
die "no process got the pid $wanted";
