import type { Finding, RemedyKind } from "@afterpatch/core/scan";

export interface FakeProcess {
  readonly pid: number;
  readonly startTicks: number;
  readonly isOld: boolean;
}

/** A finding as a scan makes it for a process whose libssl was replaced. */
export function findingOf(
  owner: "service" | "xinetd-session" | "application" | "init",
  name: string,
  process: FakeProcess,
  remedy: { readonly kind: RemedyKind; readonly target: string },
): Finding {
  return {
    id: `${owner}:${name}:${process.pid}:${process.startTicks}`,
    verdict: "replaced",
    kind: owner === "init" ? "service" : owner,
    process: {
      pid: process.pid,
      startTicks: process.startTicks,
      startedAt: 1_700_000_000_000 + process.startTicks * 10,
      user: "root",
      executable: `/usr/sbin/${name}`,
      command: name,
    },
    owner: {
      kind: owner,
      manager: owner === "application" ? null : owner === "xinetd-session" ? "xinetd" : "systemd",
      name,
    },
    files: [
      {
        path: "/usr/lib/x86_64-linux-gnu/libssl.so.3",
        kind: "library",
        verdict: "replaced",
        buildId: { mapped: "01", onDisk: "02" },
        package: { name: "libssl3", from: "3.0.11-1", to: "3.0.11-2", installedAt: null },
        cves: [],
      },
    ],
    remedy: {
      ...remedy,
      automatic: remedy.kind !== "none",
      reason: remedy.kind === "none" ? "its owner has to launch it again" : "the library was replaced",
    },
  };
}

/** A finding as a scan makes it for a kernel that only a reboot replaces. */
export function kernelFinding(expected: string, isAutomatic = true): Finding {
  return {
    id: `kernel:${expected}`,
    verdict: "replaced",
    kind: "kernel",
    process: null,
    owner: { kind: "kernel", manager: null, name: "kernel" },
    files: [
      {
        path: `/boot/vmlinuz-${expected}`,
        kind: "executable",
        verdict: "replaced",
        buildId: { mapped: null, onDisk: null },
        package: null,
        cves: null,
      },
    ],
    remedy: {
      kind: "reboot",
      target: "host",
      automatic: isAutomatic,
      reason: `The boot loader starts ${expected}. Only a reboot changes that.`,
    },
  };
}
