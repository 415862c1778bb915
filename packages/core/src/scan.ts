// The document `afterpatch.scan/v1`: what one scan of one host found. docs/scan.schema.json describes the same shape.

export const SCAN_SCHEMA = "afterpatch.scan/v1";

/** How sure a finding is, strongest first; `identical` is no finding. */
export const VERDICTS = ["replaced", "removed", "modified-in-place", "suspected", "unknown", "identical"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Row of the mission's table, by the owner. */
export type FindingKind = "service" | "xinetd-session" | "application" | "kernel" | "microcode";

export type OwnerKind =
  | "service"
  | "xinetd-session"
  | "socket-session"
  | "application"
  | "user-session"
  | "container"
  | "virtual-machine"
  | "init"
  | "kernel";

export type Manager = "systemd" | "sysv" | "openrc" | "runit" | "s6" | "supervisord" | "xinetd" | "inetd";

/** What has to be relaunched. `name` is what its manager calls it. */
export interface Owner {
  readonly kind: OwnerKind;
  readonly manager: Manager | null;
  readonly name: string;
}

/** Smallest sufficient action for one owner, smallest first. */
export const REMEDIES = [
  "end-session",
  "relaunch-application",
  "reload",
  "restart-service",
  "reexec",
  "restart-container",
  "reboot",
  "none",
] as const;
export type RemedyKind = (typeof REMEDIES)[number];

export interface Remedy {
  readonly kind: RemedyKind;
  /** A unit, a script, or `MANAGER:NAME` of runit, s6 and supervisord; the super-server's service for `end-session`; `init` for `reexec`; `host` for `reboot`; the owner's name for `none`. */
  readonly target: string;
  /** False where policy or the built-in list forbids it. */
  readonly automatic: boolean;
  /** One sentence, or a few. */
  readonly reason: string;
  /** Not automatic, but carried out when a person on the host asks for it by name. Absent: no. */
  readonly onRequest?: true;
  /** Units that systemd restarts along with the target: those that require it or are part of it. Absent: none. */
  readonly takesAlong?: readonly string[];
  /** Of `end-session`: the service that is restarted before, for as long as it is old it makes more such sessions. Absent: none. */
  readonly after?: string;
}

export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
  readonly startedAt: number;
  readonly user: string;
  readonly executable: string;
  readonly command: string;
}

export interface FoundFile {
  readonly path: string;
  /** `archive`: of Java and its like, or the image of a container; then `path` is its name. */
  readonly kind: "executable" | "library" | "script" | "archive";
  readonly verdict: Verdict;
  /** Of a script or an archive: by what that is known, the part of a sentence. Absent: its code is mapped, and was compared. */
  readonly evidence?: string;
  /** Hex build-ids; null where a file has none or it could not be read. */
  readonly buildId: { readonly mapped: string | null; readonly onDisk: string | null };
  /** Ids in hex of the image that the container was made of and of the one that `path` means on the host now, null where it means none. Absent: no image. */
  readonly image?: { readonly running: string; readonly named: string | null };
  readonly package: FoundPackage | null;
  /** Null: no changelog could tell. Empty: it told none. */
  readonly cves: readonly string[] | null;
}

export interface FoundPackage {
  /** With `:ARCHITECTURE` only where that is not the host's own. */
  readonly name: string;
  /** Version of the code in memory; null when nothing proves one. */
  readonly from: string | null;
  /** Version on disk now; null when the package is gone, half installed, or its file was changed by hand. */
  readonly to: string | null;
  /** When `to` was installed, epoch milliseconds. */
  readonly installedAt: number | null;
  /** Which run of a package manager installed it. Null or absent: no log says so. */
  readonly transaction?: FoundTransaction | null;
}

export interface FoundTransaction {
  readonly tool: "apt" | "zypper";
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Redacted; null where the log does not say. */
  readonly command: string | null;
  /** Who asked for it; null where the log does not say. */
  readonly user: string | null;
}

/** One process (or the kernel, or microcode: then `process` is null) that runs old code. */
export interface Finding {
  /** Digest of owner, process identity, verdict and paths: the same scan gives the same ids. */
  readonly id: string;
  readonly verdict: Verdict;
  readonly kind: FindingKind;
  readonly process: ProcessIdentity | null;
  readonly owner: Owner;
  readonly files: readonly FoundFile[];
  readonly remedy: Remedy;
}

export interface Scan {
  readonly schema: typeof SCAN_SCHEMA;
  readonly host: {
    /** Enrolled identity, null before enrolment. */
    readonly id: string | null;
    readonly name: string;
    readonly bootId: string;
    readonly os: string;
    readonly kernel: {
      readonly running: string;
      readonly expected: string | null;
      readonly verdict: "current" | "outdated" | "unknown";
      /** Live patches in force, which change the urgency and not the verdict. Null where that could not be read, absent where nobody looked. */
      readonly livePatches?: readonly string[] | null;
    };
    /** Revisions as `0x2b000643`; `offered` is the newer one that the next start may load. Absent where nobody looked. */
    readonly microcode?: {
      readonly running: string | null;
      readonly offered: string | null;
      readonly verdict: "current" | "outdated" | "unknown";
    };
  };
  readonly startedAt: number;
  readonly elapsedMs: number;
  readonly processes: {
    readonly seen: number;
    readonly scanned: number;
    readonly vanished: number;
    readonly unreadable: number;
  };
  /** Sorted by owner, then pid. */
  readonly findings: readonly Finding[];
  readonly unreadable: readonly { readonly pid: number; readonly why: string }[];
  /** What else could not be learnt, one sentence each: a package database that cannot be read, and its like. */
  readonly notes: readonly string[];
  /** The agent's file, where it is not in force: invalid, and nothing is done on the host, or not readable for this user. */
  readonly config?: { readonly verdict: "invalid" | "unknown"; readonly why: string };
  /** Only with `--all`: mapped files whose successor on disk has the same content. */
  readonly identical?: readonly { readonly pid: number; readonly path: string }[];
  readonly reboot: { readonly required: boolean | null; readonly reasons: readonly string[] };
}
