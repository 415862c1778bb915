import { expect, test } from "vitest";
import { isRemote, mountOf, parseMountinfo } from "./mountinfo.ts";

const MOUNTS = parseMountinfo(
  [
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
    "30 27 0:31 / /srv rw shared:1 master:2 - autofs systemd-1 rw",
    "31 30 0:52 / /srv/data rw - nfs4 filer:/x rw",
    "32 27 0:53 / /mnt/a\\040b rw - fuse.sshfs h:/ rw",
    "33 27 8:17 / /opt rw - xfs /dev/sdb1 rw",
    "34 33 0:60 / /opt rw - tmpfs tmpfs rw",
    "broken",
  ].join("\n"),
);

test.each([
  ["/usr/lib/x.so", "ext4"],
  ["/srv/x", "autofs"],
  ["/srv/data/x", "nfs4"],
  ["/srvx", "ext4"],
  ["/mnt/a b/x", "fuse.sshfs"],
  ["/opt/x", "tmpfs"],
])("%s lies on %s", (path, type) => expect(mountOf(path, MOUNTS)?.type).toBe(type));

test("devices are written as maps prints them", () => {
  expect(MOUNTS.map(({ device }) => device)).toEqual(["fe:00", "00:1f", "00:34", "00:35", "08:11", "00:3c"]);
});

test.each([
  ["nfs4", true],
  ["fuse.sshfs", true],
  ["fuse", true],
  ["fuseblk", true],
  ["autofs", true],
  ["cifs", true],
  ["ext4", false],
  ["overlay", false],
  ["btrfs", false],
  ["fusectl", false],
])("%s is remote: %s", (type, expected) => expect(isRemote(type)).toBe(expected));
