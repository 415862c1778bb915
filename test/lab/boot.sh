#!/bin/sh
# Runs one lab host until it powers off: with --keep-unit nspawn exits 133 when the host reboots, systemd-nspawn(1).
# host.ts starts it as a session and a mount namespace of its own, so every mount made here ends with it.
# usage: boot.sh DIRECTORY SYSTEM[:SYSTEM...] IDENTIFIER HOSTNAME [PAYLOAD]   SYSTEM: a directory, the uppermost first
set -eu
directory=$1 system=$2 identifier=$3 hostname=$4 payload=${5:-}

# Recorded before anything is made, so that "down" finds this process whenever "up" dies. Field 22: proc_pid_stat(5).
echo "$$ $(cut -d ' ' -f 22 /proc/$$/stat)" >"$directory/boot.pid.new"
mv "$directory/boot.pid.new" "$directory/boot.pid"
# Whoever removes the host takes the permission first and looks for the pid then: one of the two sees the other.
[ -e "$directory/boot.permitted" ] || exit 0

# With --keep-unit the host's systemd takes the cgroup it is started in: without one of their own, two hosts would
# take each other's services for their own. The three places are those of cgroup v1, hybrid and v2.
for tree in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
  if [ -e "$tree/cgroup.procs" ]; then
    mkdir -p "$tree/$identifier"
    echo $$ >"$tree/$identifier/cgroup.procs"
  fi
done

# Where /run is on disk, nspawn would find its own leftovers after a reboot of the host and stop.
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mount -t overlay -o "lowerdir=$system,upperdir=$directory/upper,workdir=$directory/work" "$identifier" "$directory/root"

set -- --directory="$directory/root" --boot --quiet --settings=no --register=no --keep-unit --machine="$hostname" \
  --network-namespace-path="/run/netns/$identifier" --capability=CAP_CHECKPOINT_RESTORE \
  --link-journal=no --resolv-conf=off --timezone=off
[ -z "$payload" ] || set -- "$@" --bind-ro="$payload:/opt/afterpatch"

while :; do
  status=0
  setpriv --pdeathsig KILL systemd-nspawn "$@" || status=$?
  echo "boot.sh: nspawn of $hostname ended with $status"
  [ "$status" -eq 133 ] || exit "$status"
done
