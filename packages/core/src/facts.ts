import type { KernelFacts } from "./kernel/facts.ts";
import type { FoundPackage } from "./scan.ts";
import type { UnitFacts } from "./systemd/show.ts";
import type { SupervisedService } from "./supervised/owner.ts";
import type { SysvService } from "./sysv/owner.ts";
import type { XinetdService } from "./xinetd/config.ts";

// What the agent read from one host, unjudged. Survives JSON unchanged, so that a captured host can be judged again.

export interface HostFacts {
  readonly host: {
    /** Enrolled identity, null before enrolment. */
    readonly id: string | null;
    readonly name: string;
    readonly bootId: string;
    /** `ID VERSION_ID` of os-release(5). */
    readonly os: string;
    /** /proc/sys/kernel/osrelease */
    readonly kernel: string;
  };
  readonly startedAt: number;
  readonly elapsedMs: number;
  /** PID namespace of the scanner, as readlink of /proc/self/ns/pid names it; null when it could not be read. */
  readonly pidNamespace: string | null;
  /** systemd is PID 1: /run/systemd/system is a directory, sd_booted(3). */
  readonly systemd: boolean;
  /** Text of /proc/1/cgroup: where systemd's own tree begins. Null without systemd. */
  readonly initCgroup: string | null;
  readonly processes: {
    readonly seen: number;
    readonly scanned: number;
    readonly vanished: number;
    readonly unreadable: number;
  };
  readonly unreadable: readonly { readonly pid: number; readonly why: string }[];
  /** Only files whose mapped inode differs from what their path names now, or where that could not be learnt. */
  readonly files: readonly FileFacts[];
  /** Processes that map one of `files`, and for those their ancestors and session leaders. Sorted by pid. */
  readonly running: readonly ProcessFacts[];
  /** Properties of the units that `running` belongs to and of the sockets that trigger them. Null without systemd. */
  readonly units: readonly UnitFacts[] | null;
  /** Why `units` is null although systemd runs. */
  readonly unitsUnreadable: string | null;
  /** Services of xinetd and of inetd; empty without them. */
  readonly xinetd: readonly XinetdService[];
  /** Empty with systemd, whose generator makes units of init scripts. */
  readonly sysv: readonly SysvService[];
  /** Services of runit, s6 and supervisord; absent: none. */
  readonly supervised?: readonly SupervisedService[];
  /** OpenRC keeps the services of `sysv`. Absent: it does not. */
  readonly openrc?: true;
  /** What there is to say of kernel, boot loader and microcode. Absent where nobody looked. */
  readonly kernel?: KernelFacts;
  /** Containers that run, as far as their engines told their names. Absent: nobody asked. */
  readonly containers?: readonly ContainerName[];
  /** What could not be learnt beside processes and files, one sentence each. Absent: nothing. */
  readonly notes?: readonly string[];
}

/** What an engine calls one of its containers. */
export interface ContainerName {
  /** As in `owner.name`: `docker`, `podman`. */
  readonly engine: string;
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
}

/** One side of a comparison. */
export type Content =
  | { readonly kind: "build-id"; readonly hex: string }
  | { readonly kind: "sha256"; readonly hex: string }
  | { readonly kind: "missing" }
  /** Written to in place while it was mapped: the memory of its processes is a mixture of old and new. */
  | { readonly kind: "overwritten"; readonly why: string }
  /** An interpreter read it, and closed it: what it read is gone, and something says that it was not what is there now. */
  | { readonly kind: "suspected"; readonly why: string }
  | { readonly kind: "unreadable"; readonly why: string };

export interface FileFacts {
  /** As the process sees it, without the kernel's ` (deleted)`. */
  readonly path: string;
  /** Where the mapped file is now if it still has a name, and `path`, by which it was loaded, leads to another one. */
  readonly mappedPath?: string;
  /** What an interpreter reads, and nobody maps as code. Absent: it is mapped. */
  readonly role?: "script" | "archive";
  /** By what it is known that an interpreter has, or may have, read other bytes: the part of a sentence. */
  readonly evidence?: string;
  /**
   * It is the image of a container, and `path` is that image's name: ids in hex, of the image that the container was made
   * of and of the one that the name means on this host now, null where it means none. Both sides are then the images'.
   */
  readonly image?: { readonly running: string; readonly named: string | null };
  readonly mapped: Content;
  readonly onDisk: Content;
  /** What the package databases, the inventory and the package logs say of it. Absent: nothing. */
  readonly package?: FoundPackage;
  /** What was fixed between the two versions of that package, by its own changelog. Absent: it could not tell. */
  readonly cves?: readonly string[];
}

export interface ProcessFacts {
  readonly pid: number;
  readonly ppid: number;
  /** Session id, not the login session: the pid of the process that called setsid(2). */
  readonly sid: number;
  readonly startTicks: number;
  /** Epoch milliseconds, for display. */
  readonly startedAt: number;
  readonly user: string;
  /** What /proc/PID/exe names, without ` (deleted)`. */
  readonly executable: string;
  readonly argv: readonly string[];
  /** Text of /proc/PID/cgroup, null when it could not be read. */
  readonly cgroup: string | null;
  readonly pidNamespace: string | null;
  readonly sockets: readonly SocketFacts[];
  /** Indices into `files`; empty for a relative. */
  readonly files: readonly number[];
}

/** An open Internet socket of a process; standard input first. */
export interface SocketFacts {
  readonly fd: number;
  readonly protocol: "tcp" | "udp";
  /** Normal form of `canonicalAddress` (core/proc/net): IPv4-mapped addresses as IPv4. */
  readonly localAddress: string;
  readonly localPort: number;
  readonly listening: boolean;
}
