import type { Finding, Scan } from "../scan.ts";

/** `never`; `when-required`: where nothing smaller replaces what is old; `always`: a person ordered it by name. */
export const REBOOT_MODES = ["never", "when-required", "always"] as const;
export type RebootMode = (typeof REBOOT_MODES)[number];

/**
 * `kexec` starts the new kernel without the firmware (kexec(8)), `soft-reboot` the user space alone
 * (systemd-soft-reboot.service(8)): both only where a person chose them and the host can.
 */
export const REBOOT_METHODS = ["reboot", "kexec", "soft-reboot"] as const;
export type RebootMethod = (typeof REBOOT_METHODS)[number];

/** What an order says of a reboot. Durations in milliseconds. */
export interface RebootOrder {
  readonly mode: RebootMode;
  readonly method: RebootMethod;
  /** End the old sessions of super-servers before it, each with its grace; else the reboot ends them. */
  readonly sessionsFirst: boolean;
  /** Shown to the people on the host; empty: a sentence of the tool's own. */
  readonly message: string;
  /** How long people have before it, from 0; it can be cancelled meanwhile. */
  readonly delayMs: number;
  /** From the reboot's begin the host has so long to be back with all it needs for its proof. */
  readonly withinMs: number;
  /** So long a host must stay up after it came back, before it is proved. */
  readonly settleMs: number;
}

/** Contracts: 60 s of settling after a reboot. */
export const DEFAULT_REBOOT: RebootOrder = {
  mode: "when-required",
  method: "reboot",
  sessionsFirst: false,
  message: "",
  delayMs: 0,
  withinMs: 20 * 60_000,
  settleMs: 60_000,
};

/** For orders that know nothing of reboots. */
export const NO_REBOOT: RebootOrder = { ...DEFAULT_REBOOT, mode: "never" };

/** The longest delay: within a day people forget who ordered it. */
export const LONGEST_DELAY_MS = 24 * 3_600_000;
/** The longest `withinMs`. */
export const LONGEST_REBOOT_MS = 4 * 3_600_000;

/** Longest message for the people on a host, characters. */
export const LONGEST_MESSAGE = 500;

/** The remedy of whatever a reboot replaces. */
export const REBOOT = { kind: "reboot", target: "host" } as const;

/** What decides whether a host may be rebooted without a person's word. */
export type KernelOfScan = Scan["host"]["kernel"];

/**
 * Why no reboot is decided by the tool, or null. Where it is not known which kernel would come up nobody could prove
 * that it did, and it may be none. `doubt`: what else the scan knows to say against it, a sentence.
 */
export function whyNoReboot(kernel: KernelOfScan, doubt: string | null = null): string | null {
  const why = doubt ?? kernelDoubt(kernel);
  return why === null ? null : `${why} So a reboot is for a person to decide.`;
}

/** What speaks against a reboot as far as a scan alone tells, or null. */
export function kernelDoubt({ running, expected, verdict }: KernelOfScan): string | null {
  if (expected === null) return "Which kernel a reboot would start is not known.";
  if (verdict === "unknown") return `Whether a reboot would bring up ${expected} as it should is not known.`;
  if (verdict === "current" && expected !== running) {
    return `A reboot would start ${expected}, which is older than the running kernel ${running}.`;
  }
  return null;
}

/** Findings that only a reboot clears, `automatic` where the kernel it would start is known. */
export function rebootable(finding: Finding, kernel: KernelOfScan, doubt: string | null = null): Finding {
  const { remedy, verdict } = finding;
  if (remedy.kind !== "reboot" || verdict === "unknown" || verdict === "identical") return finding;
  const whyNot = whyNoReboot(kernel, verdict === "suspected" ? SUSPECTED : doubt);
  if (whyNot === null) return { ...finding, remedy: { ...remedy, automatic: true } };
  return { ...finding, remedy: { ...remedy, automatic: false, reason: `${remedy.reason} ${whyNot}` } };
}

const SUSPECTED = "Nothing proves that it runs old code.";
