#!/bin/sh
# Builds the disk of a virtual machine: the lab's Debian 12 with an older cloud kernel and GRUB on it, and beside it the
# newer kernel's package. No machine is started for it, so it takes half a minute. image.ts runs it under a lock and in
# mount and pid namespaces of its own; whatever is left mounted or running ends with it.
# usage: image.sh DESTINATION ROOTFS   makes DESTINATION/{disk.img,image.json,debs}, complete or not at all
set -eu
destination=$1 rootfs=$2
here=$(dirname "$(readlink -f "$0")")
[ ! -e "$destination" ] || exit 0
rm -rf "$destination".building
mkdir -p "$destination".building/debs "$destination".building/made
cd "$destination".building
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
say() { echo "image: $*"; }

# Two trees over the lab's base: the guest's own, and one for making initial RAM disks, which is thrown away.
mount -t tmpfs tmpfs /mnt
mkdir /mnt/guest /mnt/maker
open_tree() { # NAME LOWER
  mkdir -p "$1" "$1.work"
  mount -t overlay -o "lowerdir=$2,upperdir=$PWD/$1,workdir=$PWD/$1.work" overlay "/mnt/$1"
  mount -t proc proc "/mnt/$1/proc"
  cp /etc/resolv.conf "/mnt/$1/etc/resolv.conf"
  printf '#!/bin/sh\nexit 101\n' >"/mnt/$1/usr/sbin/policy-rc.d" # no service is started in here, invoke-rc.d(8)
  chmod 755 "/mnt/$1/usr/sbin/policy-rc.d"
  echo force-unsafe-io >"/mnt/$1/etc/dpkg/dpkg.cfg.d/image" # what dies half-way is made again
}
close_tree() {
  rm -f "/mnt/$1/etc/resolv.conf" "/mnt/$1/usr/sbin/policy-rc.d" "/mnt/$1/etc/dpkg/dpkg.cfg.d/image"
  umount "/mnt/$1/proc" "/mnt/$1"
}
guest() { chroot /mnt/guest "$@"; }
maker() { chroot /mnt/maker "$@"; }
get="apt-get --quiet --quiet --yes --no-install-recommends install"

say "guest: packages of a machine"
open_tree guest "$rootfs"
guest apt-get --quiet --quiet update
guest apt-mark --quiet --quiet hold libssl3 openssh-server openssh-client openssh-sftp-server
guest $get udev kmod grub-pc qemu-guest-agent
guest apt-mark --quiet --quiet unhold libssl3 openssh-server openssh-client openssh-sftp-server
close_tree guest

say "maker: kernels and their initial RAM disks"
open_tree maker "$PWD/guest:$rootfs"
kernels=$(maker apt-cache pkgnames linux-image-6.1.0- | grep -E '^linux-image-6\.1\.0-[0-9]+-cloud-amd64$' | sort -V)
old=$(echo "$kernels" | head -n 1 | sed 's/^linux-image-//')
newest=$(echo "$kernels" | tail -n 1 | sed 's/^linux-image-//')
if [ "$old" = "$newest" ]; then
  echo "kernel: image: the Debian archive offers no cloud kernel older than ${newest:-any}; nothing can be upgraded" >&2
  exit 1
fi
say "kernels: $old to $newest"
# Only what brings this machine to its root file system.
mkdir -p /mnt/maker/etc/initramfs-tools/conf.d
printf 'MODULES=list\nCOMPRESS=zstd\n' >/mnt/maker/etc/initramfs-tools/conf.d/machine
printf 'virtio_pci\nvirtio_blk\next4\n' >/mnt/maker/etc/initramfs-tools/modules
echo "/dev/vda1 / ext4 defaults 0 1" >/mnt/maker/etc/fstab
maker $get -o Dpkg::Options::=--force-confold -o APT::Keep-Downloaded-Packages=true \
  initramfs-tools zstd "linux-image-$old" "linux-image-$newest"
for release in "$old" "$newest"; do
  cp "/mnt/maker/boot/initrd.img-$release" made
  cp /mnt/maker/var/cache/apt/archives/linux-image-"$release"_*.deb "made/linux-image-$release.deb"
done
close_tree maker

# Making an initial RAM disk takes minutes in an emulated machine. The guest has a package of ours in the place of
# initramfs-tools: for each kernel that is installed it puts the one in place that was made above.
say "guest: the older kernel and GRUB"
package=made/prebuilt-initramfs
hooks=$package/etc/kernel
install -d "$package/DEBIAN" "$package/usr/lib/prebuilt-initramfs" "$hooks/postinst.d" "$hooks/postrm.d"
cp made/initrd.img-* "$package/usr/lib/prebuilt-initramfs"
install -m 755 "$here/initramfs-postinst" "$hooks/postinst.d/initramfs-prebuilt"
install -m 755 "$here/initramfs-postrm" "$hooks/postrm.d/initramfs-prebuilt"
cat >"$package/DEBIAN/control" <<CONTROL
Package: prebuilt-initramfs
Version: 1.0
Architecture: all
Maintainer: afterpatch lab <lab@example.net>
Provides: linux-initramfs-tool
Conflicts: linux-initramfs-tool
Description: initial RAM disks that were made beforehand
CONTROL
dpkg-deb --root-owner-group --build "$package" "$package.deb"

open_tree guest "$rootfs"
# What GRUB's scripts ask about the disk they are on, which is only made below.
uuid=$(cat /proc/sys/kernel/random/uuid)
guest dpkg-divert --quiet --local --rename --divert /usr/sbin/grub-probe.real --add /usr/sbin/grub-probe
sed "s/@UUID@/$uuid/" "$here/grub-probe" >/mnt/guest/usr/sbin/grub-probe
chmod 755 /mnt/guest/usr/sbin/grub-probe
install -m 644 "$here/grub-defaults" /mnt/guest/etc/default/grub
# The part of grub-install(8) that is about files.
mkdir -p /mnt/guest/boot/grub/i386-pc
cp /mnt/guest/usr/lib/grub/i386-pc/*.mod /mnt/guest/usr/lib/grub/i386-pc/*.lst /mnt/guest/boot/grub/i386-pc
guest grub-mkimage --format i386-pc --prefix "(hd0,msdos1)/boot/grub" --output /boot/grub/i386-pc/core.img \
  biosdisk part_msdos ext2
guest grub-editenv /boot/grub/grubenv create
cp made/prebuilt-initramfs.deb "made/linux-image-$old.deb" /mnt/guest/tmp
guest $get /tmp/prebuilt-initramfs.deb "/tmp/linux-image-$old.deb"
guest update-grub
rm /mnt/guest/tmp/*.deb /mnt/guest/usr/sbin/grub-probe
guest dpkg-divert --quiet --local --rename --remove /usr/sbin/grub-probe

say "guest: name, disks, network"
cp -R --no-preserve=ownership "$here/guest/." /mnt/guest
printf 'UUID=%s / ext4 errors=remount-ro 0 0\nLABEL=payload /opt/afterpatch ext4 ro 0 0\n' "$uuid" >/mnt/guest/etc/fstab
mkdir -p /mnt/guest/opt/afterpatch
guest systemctl --quiet enable systemd-networkd.service
guest systemctl --quiet mask man-db.timer
: >/mnt/guest/etc/machine-id
guest apt-get clean
rm -rf /mnt/guest/var/lib/apt/lists/*
umount /mnt/guest/proc

say "disk"
# A partition from 1 MiB on, and in front of it what grub-install would write: boot.img starts core.img, which follows it.
truncate --size 2G disk.img
printf 'label: dos\nstart=2048, type=83, bootable\n' | sfdisk --quiet disk.img
rm -f /mnt/guest/usr/sbin/policy-rc.d /mnt/guest/etc/resolv.conf /mnt/guest/etc/dpkg/dpkg.cfg.d/image
mke2fs -q -t ext4 -E offset=1048576,root_owner=0:0 -U "$uuid" -L root -d /mnt/guest disk.img 2047M
dd if=/mnt/guest/usr/lib/grub/i386-pc/boot.img of=disk.img bs=440 count=1 conv=notrunc status=none
dd if=/mnt/guest/boot/grub/i386-pc/core.img of=disk.img bs=512 seek=1 conv=notrunc status=none
umount /mnt/guest

version() { dpkg-deb --field "made/linux-image-$1.deb" Version; }
printf '{ "old": { "release": "%s", "version": "%s" }, "newest": { "release": "%s", "version": "%s" } }\n' \
  "$old" "$(version "$old")" "$newest" "$(version "$newest")" >image.json
mv "made/linux-image-$newest.deb" debs
rm -rf guest guest.work maker maker.work made
cd /
mv "$destination".building "$destination"
