import { compareCves } from "@afterpatch/core/cve/id";
import { type OldCode, type OldCodeUse, oldCodeFilter } from "@afterpatch/core/fleet/old-code";
import type { Filter } from "@afterpatch/core/plan/filter";
import { FilterError, filterFromWire } from "@afterpatch/wire/convert/filter";
import { drained, type Handlers, serverStream } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { Fleet } from "../fleet/fleet.ts";
import type { Clock } from "../ports.ts";
import type { Host, Hosts } from "../store/hosts.ts";
import type { OldCodeStore } from "../store/old-code.ts";
import { selected } from "./asked.ts";
import { presenceOf } from "./host-state.ts";
import { refused } from "./refuse.ts";

type Control = Handlers<typeof controlService>;
type Found = Parameters<Parameters<Control["findOldCode"]>[0]["write"]>[0];
export type OldCodeCalls = "findOldCode";

export interface OldCodeApiDeps {
  readonly hosts: Hosts;
  readonly oldCode: OldCodeStore;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly lostAfterMs: number;
}

/** Of hosts, and of uses, in one message. */
const AT_ONCE = 500;
const MOST_CVES = 20;

/** Who runs old code, over the fleet. */
export function oldCodeHandlers(deps: OldCodeApiDeps): Pick<Control, OldCodeCalls> {
  return {
    findOldCode: serverStream(async ({ pattern, filter: asked, scope }, stream) => {
      const filter = filterOf(asked);
      const { hosts, reached } = await selected(deps, pattern, scope);
      let isOver = false;
      for (const event of ["cancelled", "close"] as const) {
        stream.on(event, () => {
          isOver = true;
        });
      }
      for (const found of pages((reached?.notEnrolled ?? []).map(notEnrolled), NOTHING)) stream.write(found);
      for await (const found of answers(deps, hosts, filter)) {
        if (isOver) return;
        stream.write(found);
        await drained(stream);
        await new Promise((resolve) => setImmediate(resolve)); // what others want of the controller comes in between
      }
    }),
  };
}

function filterOf(asked: Parameters<typeof filterFromWire>[0]): Filter {
  try {
    const filter = filterFromWire(asked);
    if (filter.only.length + filter.restarts.length === 0) return filter;
  } catch (error) {
    if (error instanceof FilterError) throw refused("bad-argument", error.message);
    throw error;
  }
  throw refused("bad-argument", "remedies and restarts are no questions about old code");
}

async function* answers(deps: OldCodeApiDeps, hosts: readonly Host[], filter: Filter): AsyncGenerator<Found, void> {
  const ask = oldCodeFilter(filter);
  // Who reports while this is answered may say something else then; asked anew, they are answered by what they say now.
  for (let left = hosts, tries = 0; left.length > 0; tries++) {
    const said = await deps.oldCode.said();
    const changed: Host[] = [];
    for (const [key, members] of Map.groupBy(left, ({ id }) => said.get(id) ?? null)) {
      const about = (some: readonly Host[]) => some.map((host) => hostToWire(deps, host));
      const oldCode = key ? await deps.oldCode.found(key) : null;
      if (oldCode) yield* pages(about(members), answer(ask, oldCode, filter));
      if (oldCode) continue;
      const told = members.filter(({ report }) => report !== null);
      yield* pages(about(members.filter(({ report }) => report === null)), NOTHING);
      if (key !== "" && tries < 3) changed.push(...told);
      else yield* pages(about(told), { ...NOTHING, notTold: UNTOLD });
    }
    left = changed;
  }
}

const UNTOLD = "its newest report cannot be read";
const CUT = "its newest report says more than is kept";
/** Of hosts that never reported. */
const NOTHING = { uses: [], untold: 0, notTold: "", isOld: false };

function answer(ask: ReturnType<typeof oldCodeFilter>, oldCode: OldCode, { cves }: Filter): Omit<Found, "hosts"> {
  const { uses, untold } = ask(oldCode);
  const asked = new Set(cves);
  return {
    uses: uses.map((use) => useToWire(use, asked)),
    untold,
    notTold: oldCode.isCut ? CUT : "",
    isOld: oldCode.uses.length > 0,
  };
}

function* pages(hosts: Found["hosts"], told: Omit<Found, "hosts">): Generator<Found, void> {
  for (let from = 0; from < hosts.length; from += AT_ONCE) {
    const some = hosts.slice(from, from + AT_ONCE);
    for (let at = 0; at === 0 || at < told.uses.length; at += AT_ONCE)
      yield { ...told, hosts: some, uses: told.uses.slice(at, at + AT_ONCE) };
  }
}

function notEnrolled(name: string): Found["hosts"][number] {
  return { id: "", name, presence: "not-enrolled", lastReportAt: 0, scanFailed: null, unreadable: 0 };
}

function hostToWire({ fleet, clock, lostAfterMs }: OldCodeApiDeps, host: Host): Found["hosts"][number] {
  const { id, name, report, scanFailure } = host;
  const contact = { isConnected: fleet.isConnected(id), isAwaited: fleet.isAwaited(host) };
  return {
    ...{ id, name, presence: presenceOf(host, contact, clock.now(), lostAfterMs) },
    ...{ lastReportAt: report?.receivedAt ?? 0, scanFailed: scanFailure, unreadable: report?.unreadable ?? 0 },
  };
}

function useToWire({ user, file, verdict }: OldCodeUse, asked: ReadonlySet<string>): Found["uses"][number] {
  const { kind, owner, program, remedy } = user;
  const cves = file.cves ?? [];
  const newest = cves.filter((id) => !asked.has(id)).sort((a, b) => compareCves(b, a));
  return {
    ...{ kind, ownerKind: owner.kind, manager: owner.manager ?? "", owner: owner.name, program: program ?? "" },
    ...{ remedy: remedy.kind, target: remedy.target, automatic: remedy.automatic },
    ...{ verdict, path: file.path, fileKind: file.kind },
    ...{ package: file.package?.name ?? "", from: file.package?.from ?? "", to: file.package?.to ?? "" },
    cves: [...cves.filter((id) => asked.has(id)), ...newest].slice(0, MOST_CVES),
    ...{ cveCount: cves.length, cvesKnown: file.cves !== null },
  };
}
