import type { Clock, HostState, RebootVeto, Reboots, WaitingReboot } from "@afterpatch/agent/ports";

export interface FakeRebootOptions {
  /** What is running, and what would be started next. */
  readonly kernel?: { readonly running: string; readonly expected: string | null };
  /** What the command to reboot leads to; the next boot unless said otherwise. */
  readonly command?: "refused" | "ignored";
  /** The kernel that comes up whatever is expected. */
  readonly bootsInto?: string;
  /** User space alone can be started anew, and is counted. */
  readonly countsSoftReboots?: true;
  /** After a boot services are being started for so long. */
  readonly startsForMs?: number;
  /** Called when the host went down and is back: its clock counts from here. */
  readonly onBoot?: () => void;
}

/** A host's part in being rebooted, and the people on it. */
export class FakeReboots {
  /** What people were told. */
  readonly told: string[] = [];
  boot = 1;
  softReboots: number | null;
  release: string;
  /** The kernel to be started next; null: nobody knows. */
  expected: string | null;
  veto: RebootVeto | null = null;
  /** A shutdown is under way. */
  isGoingDown = false;
  waiting: WaitingReboot | null = null;
  readonly #options: FakeRebootOptions;
  readonly #clock: Clock;
  readonly #cancelled = new Map<string, string>();
  #claimed: string | null = null;

  constructor(options: FakeRebootOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    const { running, expected } = options.kernel ?? { running: "6.1.0-1-amd64", expected: "6.1.0-1-amd64" };
    this.release = running;
    this.expected = expected;
    this.softReboots = options.countsSoftReboots ? 0 : null;
  }

  get command() {
    return this.#options.command;
  }

  /** A person says `reboot --cancel`. False: nothing waits any more. */
  cancel(who: string): boolean {
    if (this.waiting === null) return false;
    this.#cancelled.set(this.waiting.op, `cancelled by ${who}`);
    this.waiting = null;
    return true;
  }

  /** The host went down and is back. */
  comeBack(isSoft = false): void {
    this.isGoingDown = false;
    this.waiting = null;
    if (isSoft) this.softReboots = (this.softReboots ?? 0) + 1;
    else {
      this.boot += 1;
      if (this.softReboots !== null) this.softReboots = 0;
      this.release = this.#options.bootsInto ?? this.expected ?? this.release;
      this.#claimed = null;
    }
    this.#options.onBoot?.();
  }

  port(services: () => Pick<HostState, "failedUnits" | "ports">): Reboots {
    return {
      veto: async () => this.veto,
      tell: async (text) => void this.told.push(text),
      announce: (waiting) => {
        if (this.#claimed !== waiting.op && !this.#cancelled.has(waiting.op)) this.waiting ??= waiting;
      },
      cancelled: (op) => this.#cancelled.get(op) ?? null,
      claim: (op) => {
        if (this.waiting?.op !== op && this.#claimed !== op) return false;
        this.waiting = null;
        this.#claimed = op;
        return true;
      },
      forget: () => {
        this.waiting = null;
        this.#claimed = null;
      },
      state: async () => ({ ...this.identity(), build: "#1 SMP", ...services() }),
      isStarting: async () => this.#clock.sinceBootMs() < (this.#options.startsForMs ?? 0),
    };
  }

  identity(): Pick<HostState, "bootId" | "softReboots" | "release"> {
    return { bootId: `boot-${this.boot}`, softReboots: this.softReboots, release: this.release };
  }
}
