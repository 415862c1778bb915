import fc from "fast-check";
import { expect, test } from "vitest";
import { expectQuick, hostile } from "../../../../test/fakes/hostile.ts";
import { type Connection, findConnections } from "../sessions/peers.ts";
import { cgroupOwner, cgroupPath, cgroupRoot, containerName, ownPath, relativeCgroup } from "../systemd/cgroup.ts";
import { parseUnits, socketBeside } from "../systemd/show.ts";
import { canonicalAddress, procAddress } from "./address.ts";
import { executableMappings, readingsOf } from "./maps.ts";
import { mountOf, parseMountinfo } from "./mountinfo.ts";
import { findSockets, type NetSocket, socketInode } from "./net.ts";
import { parseStat } from "./stat.ts";

// Names of processes, files, mounts and control groups are chosen by whoever runs there.

const LONG = 60_000;
const MAPS = "7f1000000000-7f1000020000 r-xp 00001000 fe:00 42      /usr/lib/libssl.so.3 (deleted)\n";
const STAT = "812 (sshd) S 1 812 812 0 -1 4194560 900 0 0 0 5 3 0 0 20 0 1 0 4711 12345 100\n";
const MOUNTINFO =
  "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n32 27 0:53 / /mnt/a\\040b rw shared:1 - fuse.sshfs h:/ rw\n";
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:008F 0100007F:C486 01 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 20 4 30 10 -1
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1
`;
const DOCKER = `/system.slice/docker-${"a1".repeat(32)}.scope`;
const CGROUP = `9:name=systemd:/system.slice/ssh.service\n0::${DOCKER}\n`;
const PATHS = [
  DOCKER,
  "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
  "/machine.slice/machine-web\\x2d1.scope/payload/init.scope",
  `/kubepods/burstable/pod${"a".repeat(8)}-${"b".repeat(27)}/${"d4".repeat(32)}`,
] as const;
const SHOW = "Id=ssh.service\nMainPID=812\nTriggeredBy=a.socket b.socket\nAccept=no\n\nId=x@1.service\nType=simple\n";
const WANTED = new Set(["4711", "4712", "0", ""]);

test(
  "maps: every mapping is of its text, and a name has at least the reading that it is the name",
  () => {
    fc.assert(
      fc.property(hostile(MAPS, MAPS.repeat(3), MAPS.replace("r-xp", "r-xs")), (text) => {
        for (const { tail, path, inode, range } of executableMappings(text)) {
          expect(text).toContain(tail);
          expect(inode).not.toBe("0");
          expect(range).not.toContain(" ");
          const { literal, deleted } = readingsOf(path);
          expect(literal).toContain(path.replaceAll("\\012", "\n"));
          expect(deleted.length > 0).toBe(path.endsWith(" (deleted)"));
        }
      }),
    );
    expectQuick(executableMappings, [
      MAPS,
      "xp ",
      "xs xp ",
      "\n",
      "a r-xp ",
      "/orcexec.",
      "/jna.tmp",
      `1-2 r-xp 0 f:0 1 /`,
    ]);
    expectQuick((rest) => executableMappings(`1-2 r-xp 0 f:0 1 /${rest}`), ["xp ", "/jna", "/orcexec.", " (deleted)"]);
    expectQuick(readingsOf, ["\\012", " (deleted)"]);
  },
  LONG,
);

test(
  "stat: numbers or null, and a name comes back whole",
  () => {
    fc.assert(
      fc.property(hostile(STAT), (text) => {
        const stat = parseStat(text);
        if (stat)
          for (const number of [stat.ppid, stat.sid, stat.startTicks]) expect(Number.isSafeInteger(number)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(), fc.nat(), (comm, ppid, startTicks) => {
        const text = STAT.replace("(sshd) S 1", () => `(${comm}) S ${ppid}`).replace(" 4711 ", ` ${startTicks} `);
        if (!comm.includes(" 4711 ")) expect(parseStat(text)).toMatchObject({ comm, ppid, startTicks });
      }),
    );
    expectQuick(parseStat, ["(", ")", " ", "1 (", ") 1 "]);
  },
  LONG,
);

test(
  "mountinfo: mounts have a device and a type, and an escaped mount point comes back whole",
  () => {
    fc.assert(
      fc.property(hostile(MOUNTINFO), (text) => {
        const mounts = parseMountinfo(text);
        // A line whose device is none still hides what lies below it.
        for (const { type } of mounts) expect(type).not.toBe("");
        mountOf("/mnt/a b/x", mounts);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.nat(254).map((code) => String.fromCharCode(code + 1)) }), (name) => {
        const escaped = name.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
        expect(parseMountinfo(`1 1 0:1 / /${escaped} rw - ext4 x rw`)[0]?.mountPoint).toBe(`/${name}`);
      }),
    );
    expectQuick(parseMountinfo, [MOUNTINFO, " - ", "\\040", " ", "\n", ":"]);
  },
  LONG,
);

test(
  "net: addresses that are some, ports that can be",
  () => {
    fc.assert(
      fc.property(hostile(TCP), fc.boolean(), (text, littleEndian) => {
        const sockets = new Map<string, NetSocket>();
        const connections = new Map<string, Connection>();
        findSockets(text, "tcp", WANTED, littleEndian, sockets);
        findConnections(text, "tcp", WANTED, littleEndian, connections);
        for (const { localAddress, localPort } of [...sockets.values(), ...connections.values()]) {
          expect(canonicalAddress(localAddress)).toBe(localAddress);
          expect(localPort).toSatisfy((port: number) => Number.isInteger(port) && port >= 0 && port < 65_536);
        }
      }),
    );
    const read = (text: string) => {
      findSockets(text, "tcp", WANTED, true, new Map());
      findConnections(text, "tcp", WANTED, true, new Map());
    };
    expectQuick(read, [TCP, "\n", " ", "\n ", "a ", ":", "\t"]);
  },
  LONG,
);

test(
  "addresses: the normal form is its own normal form, and both ends of the kernel's notation agree",
  () => {
    fc.assert(
      fc.property(
        fc.oneof(hostile("192.0.2.1", "2001:db8::A", "::ffff:192.0.2.1", "fe80::1%eth0"), fc.ipV6(), fc.ipV4()),
        (text) => {
          const address = canonicalAddress(text);
          if (address !== null) expect(canonicalAddress(address)).toBe(address);
          procAddress(text, true);
          const inode = socketInode(text);
          expect(inode === null || text === `socket:[${inode}]`).toBe(true);
        },
      ),
    );
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        expect(canonicalAddress(text)).not.toBeNull();
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }), (bytes) => {
        const hex = (order: readonly number[]) => order.map((byte) => byte.toString(16).padStart(2, "0")).join("");
        expect(procAddress(hex(bytes), false)).toBe(bytes.join("."));
        expect(procAddress(hex(bytes.toReversed()), true)).toBe(bytes.join("."));
      }),
    );
    expectQuick(canonicalAddress, [":", "::", "1:", "1.", "1", ":1.", "%", ":1.1.1."]);
    expectQuick((text) => procAddress(text, true), ["0", "zz"]);
    expectQuick(socketInode, ["socket:[", "1"]);
  },
  LONG,
);

test(
  "control groups: a unit is a component of the path, and no path breaks the reader",
  () => {
    fc.assert(
      fc.property(hostile(CGROUP, ...PATHS), hostile(CGROUP, "/lxc/web/init.scope"), (text, init) => {
        const path = cgroupPath(text);
        if (path !== null) expect(path.startsWith("/")).toBe(true);
        ownPath(text, init);
        relativeCgroup(text, cgroupRoot(init));
        const owner = cgroupOwner(text);
        if (owner?.kind === "unit") expect(text).toContain(owner.unit);
        expect(owner?.kind === "container").toBe(containerName(text) !== null);
      }),
    );
    const pieces = [
      "/",
      "/docker/",
      "/kubepods/",
      "/kubepods/pod",
      "/lxc/",
      "/machine.slice/machine-",
      "a.slice/",
      "\\x2d",
    ];
    const all = [...pieces, ...PATHS, "\n", ":", "0::/", "/kubepods/a/poda", "/machine.slice/systemd-nspawn@", "_"];
    expectQuick(cgroupPath, all);
    expectQuick(cgroupOwner, all);
    expectQuick((rest) => cgroupOwner(`/kubepods/${rest}`), ["a/", "pod", "pod0", "/kubepods/", "pod0-/"]);
  },
  LONG,
);

test(
  "systemctl show: a unit has a name and, when it runs, the pid of a process",
  () => {
    fc.assert(
      fc.property(hostile(SHOW), (text) => {
        for (const { id, mainPid } of parseUnits(text)) {
          expect(id).not.toBe("");
          expect(mainPid === undefined || (Number.isSafeInteger(mainPid) && mainPid > 0)).toBe(true);
          socketBeside(id);
        }
      }),
    );
    expectQuick(parseUnits, [SHOW, "\n\n", "=", "Id=", "Id=a\n\n", "TriggeredBy= "]);
  },
  LONG,
);
