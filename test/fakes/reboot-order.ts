import { type CarriedOut, carryOut, resume } from "@afterpatch/agent/apply/carry-out";
import type { CarryOutDeps } from "@afterpatch/agent/apply/course";
import { LeftOpen } from "@afterpatch/agent/effects/error";
import { JournalError } from "@afterpatch/agent/journal/error";
import { unfinished } from "@afterpatch/agent/journal/operations";
import type { Clock, Order } from "@afterpatch/agent/ports";
import { NO_RULES } from "@afterpatch/agent/vetoes/rules";
import { DEFAULT_REBOOT, type RebootOrder } from "@afterpatch/core/plan/reboot";
import { type FakeClock, fakeClock } from "./clock.ts";
import { type MemoryJournal, memoryJournal } from "./journal.ts";
import { FakeCrash, type FakeHost, type FakeHostOptions, fakeHost } from "./machine.ts";

export type Crash =
  | { readonly at: "append"; readonly n: number; readonly when: "before" | "after" }
  | { readonly at: "effect"; readonly n: number; readonly when: "before" | "after" | "under-way" };

export function rebootOrder(reboot: Partial<RebootOrder> = {}, more: Partial<Order> = {}): Order {
  return {
    from: { kind: "local" },
    steps: [{ kind: "reboot", target: "host" }],
    ...{ deadlineMs: 3_600_000, graceMs: 10_000, settleMs: 10_000, allowNew: false },
    reboot: { ...DEFAULT_REBOOT, ...reboot },
    ...more,
  };
}

/**
 * One life of the agent: goes on with what the journal holds, or begins the order. Null when it ended before the order
 * did, with the host for instance.
 */
export async function live(
  host: FakeHost,
  {
    clock,
    journal,
    order,
    crash,
    ...more
  }: {
    readonly clock: Clock;
    readonly journal: MemoryJournal;
    readonly order: Order;
    readonly crash?: Crash | undefined;
  } & Partial<Omit<CarryOutDeps, "journal" | "clock">>,
): Promise<CarriedOut | null> {
  const failAt = crash?.at === "append" ? { append: crash.n, when: crash.when } : undefined;
  const disk = failAt ? memoryJournal({ records: journal.records(), failAt }) : journal;
  const deps: CarryOutDeps = {
    machine: host.machine(crash?.at === "effect" ? { effect: crash.n, when: crash.when } : undefined),
    rules: NO_RULES,
    journal: disk,
    clock,
    report: () => {},
    signal: new AbortController().signal,
    ...more,
  };
  try {
    const [op] = unfinished(disk.records());
    return op === undefined ? await carryOut(`op-${disk.records().length}`, order, deps) : await resume(op, deps);
  } catch (error) {
    if (!(error instanceof FakeCrash || error instanceof JournalError || error instanceof LeftOpen)) throw error;
    return null;
  } finally {
    const written = disk === journal ? [] : disk.records().slice(journal.records().length);
    for (const record of written) await journal.append(record);
  }
}

const NEW_KERNEL = { running: "6.1.0-1-amd64", expected: "6.1.0-2-amd64" };

export interface RebootWorldOptions {
  readonly host?: FakeHostOptions;
  readonly order?: Order;
  readonly downMs?: number;
}

/** A host with a newer kernel to boot into, an order to reboot it, and lives of its agent. */
export function rebootWorld({ host: options = {}, order = rebootOrder(), downMs = 30_000 }: RebootWorldOptions = {}) {
  const clock: FakeClock = fakeClock();
  const reboots = { kernel: NEW_KERNEL, onBoot: () => clock.boot(downMs), ...options.reboots };
  const host: FakeHost = fakeHost({ ...options, reboots }, clock);
  const journal = memoryJournal();
  const states: string[] = [];
  const report: CarryOutDeps["report"] = (state) => states.at(-1) !== state && states.push(state);
  const lives = (more: Partial<Omit<CarryOutDeps, "journal">> = {}) =>
    live(host, { clock, journal, order, report, ...more });
  return { clock, host, journal, states, live: lives };
}

export type RebootWorld = ReturnType<typeof rebootWorld>;

/** Down with the host, and back. */
export async function rebooted(
  world: RebootWorld,
  meanwhile: (world: RebootWorld) => void = () => {},
): Promise<CarriedOut> {
  if (await world.live()) throw new Error("it ended without the host");
  meanwhile(world);
  const done = await world.live();
  if (!done || unfinished(world.journal.records()).length > 0) throw new Error("it did not end");
  return done;
}
