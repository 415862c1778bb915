#!/bin/sh
# Installs packages over the base image, once: hosts have no network, and their disks are overlays that take this one.
# layer.ts runs it in mount and pid namespaces of its own; whatever is left mounted or running ends with it.
# usage: layer.sh DESTINATION ROOTFS PACKAGE...   makes DESTINATION/upper, complete or not at all; PACKAGE- is removed
set -eu
destination=$1 rootfs=$2
shift 2
[ ! -e "$destination" ] || exit 0
rm -rf "$destination".building
mkdir -p "$destination".building/upper "$destination".building/work
mount -t tmpfs tmpfs /mnt
mkdir /mnt/root
mount -t overlay -o "lowerdir=$rootfs,upperdir=$destination.building/upper,workdir=$destination.building/work" \
  overlay /mnt/root
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
inside() { chroot /mnt/root "$@"; }
mount -t proc proc /mnt/root/proc
cp /etc/resolv.conf /mnt/root/etc/resolv.conf
printf '#!/bin/sh\nexit 101\n' >/mnt/root/usr/sbin/policy-rc.d # no service is started in here, invoke-rc.d(8)
chmod 755 /mnt/root/usr/sbin/policy-rc.d
echo force-unsafe-io >/mnt/root/etc/dpkg/dpkg.cfg.d/layer # what dies half-way is made again

inside apt-get --quiet --quiet update
# Else there would be no old one left to upgrade later.
inside apt-mark hold libssl3 openssh-server openssh-client openssh-sftp-server
inside apt-get --quiet --quiet --yes --no-install-recommends install "$@"
inside apt-mark unhold libssl3 openssh-server openssh-client openssh-sftp-server
inside apt-get clean

rm -rf /mnt/root/etc/resolv.conf /mnt/root/usr/sbin/policy-rc.d /mnt/root/etc/dpkg/dpkg.cfg.d/layer /mnt/root/var/lib/apt/lists/*
umount /mnt/root/proc /mnt/root
rm -rf "$destination".building/work
mv "$destination".building "$destination"
