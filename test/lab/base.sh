#!/bin/sh
# Builds the lab's base image: a Debian 12 with old packages, and beside it the packages of the errata to replay.
# base.ts runs it under a lock and in mount and pid namespaces of its own; whatever is left mounted or running ends with it.
# usage: base.sh DESTINATION   makes DESTINATION/{rootfs,debs,base.json}, complete or not at all
set -eu
destination=$1
here=$(dirname "$(readlink -f "$0")")
[ ! -e "$destination" ] || exit 0

rm -rf "$destination".building
mkdir -p "$destination".building/rootfs "$destination".building/debs
cd "$destination".building
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
suites=http://deb.debian.org

say() { echo "base: $*"; }
inside() { chroot rootfs "$@"; }
versions() { inside apt-cache madison "$1" | awk '{ print $3 }' | sort -uV; } # oldest first

say "debootstrap of bookworm"
# cron stands for the services that no erratum of the lab touches.
debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,netbase,iproute2,procps,xinetd,openssh-server,cron \
  bookworm rootfs "$suites/debian"
cat >rootfs/etc/apt/sources.list <<SOURCES
deb $suites/debian bookworm main
deb $suites/debian bookworm-updates main
deb $suites/debian-security bookworm-security main
SOURCES
inside apt-get --quiet --quiet update

# The archive holds several versions at once. sshd must be old too, for a new one refuses the oldest libssl3.
newest=$(versions libssl3 | tail -n 1)
sshd=$(versions openssh-server | head -n 1)
old=
for version in $(versions libssl3); do
  [ "$version" != "$newest" ] || break
  say "trying libssl3 $version with openssh-server $sshd"
  if inside apt-get --quiet --yes --no-remove --allow-downgrades install "libssl3=$version" \
    "openssh-server=$sshd" "openssh-client=$sshd" "openssh-sftp-server=$sshd"; then
    old=$version
    break
  fi
done
if [ -z "$old" ]; then
  echo "lab: base image: the Debian archive offers no libssl3 older than $newest; nothing can be upgraded in the lab" >&2
  exit 1
fi
say "errata: libssl3 $old to $newest"
for version in "$old" "$newest"; do
  inside sh -c "cd /tmp && apt-get --quiet --quiet download libssl3=$version"
  mv rootfs/tmp/libssl3_*.deb "debs/libssl3_$version.deb"
done

architecture=$(inside dpkg --print-architecture)
for version in 1.0 1.1; do
  say "imapd $version"
  package=imapd-$version
  mkdir -p "$package/DEBIAN" "$package/usr/sbin" "$package/etc/xinetd.d"
  gcc -O2 -Wall -Werror -Wl,--build-id=sha1 -DVERSION="\"$version\"" -o "$package/usr/sbin/imapd" "$here/imapd.c"
  install -m 644 "$here/imapd.xinetd" "$package/etc/xinetd.d/imap"
  echo /etc/xinetd.d/imap >"$package/DEBIAN/conffiles"
  cat >"$package/DEBIAN/control" <<CONTROL
Package: imapd
Version: $version
Architecture: $architecture
Maintainer: afterpatch lab <lab@example.net>
Depends: libc6, inet-superserver
Description: greets, answers lines and waits
CONTROL
  dpkg-deb --root-owner-group --build "$package" "debs/imapd_$version.deb"
  rm -r "$package"
done
cp debs/imapd_1.0.deb rootfs/tmp/imapd.deb
inside dpkg -i /tmp/imapd.deb
rm rootfs/tmp/imapd.deb

# Another super-server, which conflicts with xinetd, and what it needs: super-server.ts installs them.
mkdir debs/inetd
inside sh -c "cd /tmp && apt-get --quiet --quiet download openbsd-inetd libevent-2.1-7 tcpd"
mv rootfs/tmp/*.deb debs/inetd

# Hosts see no network and have nothing to do on their own, so that only what a test does happens on them.
inside systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
inside apt-get clean
rm -rf rootfs/var/lib/apt/lists/* rootfs/etc/resolv.conf rootfs/etc/machine-id rootfs/etc/hostname

printf '{ "libssl": { "old": "%s", "newest": "%s" }, "imapd": { "old": "1.0", "newest": "1.1" } }\n' "$old" "$newest" >base.json
cd /
mv "$destination".building "$destination"
