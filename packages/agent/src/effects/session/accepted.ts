import { cgroupOwner, cgroupPath, cgroupRoot, relativeCgroup } from "@afterpatch/core/systemd/cgroup";
import type { Performed } from "../../ports.ts";
import { StepError } from "../error.ts";
import type { AcceptedInstance, SessionEvidence } from "../evidence.ts";
import { Pinned, type ProcessRef, processTable, procText } from "../processes.ts";
import { systemctl } from "../run.ts";
import { isServiceName } from "../service/unit.ts";
import { waitUntil } from "../wait.ts";

// Connections of `Accept=yes` sockets: one instance of a service each, systemd.socket(5). They are stopped and never
// restarted: systemd would start the new program on the same connection, in the middle of its protocol.

const SYSTEMCTL_TIMEOUT_MS = 30_000;
const AFTER_KILL_MS = 5000;
const POLL_MS = 50;
/** Names for one call of systemctl. */
const AT_ONCE = 100;

/** The instances that these processes are of, and everybody in them. */
export async function acceptedSessions(old: readonly ProcessRef[]): Promise<SessionEvidence> {
  const unitOf = unitsByPid();
  const units = new Set(old.flatMap(({ pid }) => unitOf.get(pid) ?? []).filter(isServiceName));
  const table = processTable();
  const sessions = [...unitOf].flatMap(([pid, unit]) => {
    const stat = units.has(unit) ? table.get(pid) : undefined;
    return stat && stat.state !== "Z" ? [{ pid, startTicks: stat.startTicks }] : [];
  });
  const shown = await show([...units]);
  const instances = [...shown].map(([unit, { invocationId }]) => ({ unit, invocationId }));
  return { sessions, members: [], old, instances };
}

/** `systemctl stop` of exactly these invocations; after `graceMs` KILL to what is left of them. */
export async function stopInstances(
  socket: string,
  { instances, sessions, old }: SessionEvidence,
  graceMs: number,
): Promise<Performed> {
  const held = [...sessions, ...old].flatMap((process) => Pinned.open(process) ?? []);
  try {
    const [own, others] = partition(instances, ownUnits());
    const begun = performance.now();
    const current = await stillThere(others);
    for (const units of chunks(current.map(({ unit }) => unit))) await call(["--no-block", "stop", "--", ...units]);
    tellThoseLeft(current, held);
    const isGone = () => !held.some((process) => process.isAlive());
    const left = graceMs - (performance.now() - begun);
    const killed = (await waitUntil(isGone, left, POLL_MS)) ? 0 : await killRest(others, held);
    const survivors = [...new Set(held.filter((process) => process.isAlive()).map(({ pid }) => pid))];
    if (own.length > 0) {
      const names = own.map(({ unit }) => unit).join(", ");
      return { outcome: "failed", detail: `${names} runs this very command and was not stopped` };
    }
    if (survivors.length > 0)
      return { outcome: "failed", detail: `pid ${survivors.join(", ")} of ${socket} could not be ended` };
    const count = instances.length === 1 ? "1 old connection" : `${instances.length} old connections`;
    const how = killed === 0 ? "" : `, ${counted(killed, "process", "processes")} by KILL after ${graceMs} ms`;
    return { outcome: "done", detail: `stopped ${count} of ${socket}${how}` };
  } finally {
    for (const process of held) process.close();
  }
}

/** Whom a stop does not tell: with KillMode=process it is the main process alone, systemd.kill(5). */
function tellThoseLeft(current: readonly Shown[], held: readonly Pinned[]): void {
  const spared = new Map(
    current
      .filter(({ killMode }) => killMode === "process" || killMode === "none")
      .map(({ unit, killMode, mainPid }) => [unit, killMode === "process" ? mainPid : 0]),
  );
  if (spared.size === 0) return;
  const unitOf = unitsByPid();
  for (const process of held) {
    const mainPid = spared.get(unitOf.get(process.pid) ?? "");
    if (mainPid !== undefined && mainPid !== process.pid) process.signal("SIGTERM");
  }
}

async function killRest(instances: readonly AcceptedInstance[], held: readonly Pinned[]): Promise<number> {
  const alive = held.filter((process) => process.isAlive());
  const units = (await stillThere(instances)).map(({ unit }) => unit);
  for (const some of chunks(units)) await call(["kill", "--signal=KILL", "--", ...some]);
  // Whoever is no longer in an instance that systemd knows, yet of the old code.
  for (const process of alive) process.signal("SIGKILL");
  await waitUntil(() => !held.some((process) => process.isAlive()), AFTER_KILL_MS, POLL_MS);
  // That it was killed is no failure which anybody would have to look after.
  for (const some of chunks(units)) await call(["reset-failed", "--", ...some]);
  return new Set(alive.map(({ pid }) => pid)).size;
}

interface Shown extends AcceptedInstance {
  readonly killMode: string;
  readonly mainPid: number;
}

/** Those that are the same invocation as they were: a name may have come to another connection. */
async function stillThere(instances: readonly AcceptedInstance[]): Promise<readonly Shown[]> {
  const shown = await show(instances.map(({ unit }) => unit));
  return instances.flatMap(({ unit, invocationId }) => {
    const now = shown.get(unit);
    return now && now.invocationId === invocationId && invocationId !== "" ? [now] : [];
  });
}

async function show(units: readonly string[]): Promise<ReadonlyMap<string, Shown>> {
  const found = new Map<string, Shown>();
  for (const some of chunks(units)) {
    const properties = "--property=Id,InvocationID,KillMode,MainPID";
    const { stdout } = await call(["show", properties, "--", ...some]);
    for (const block of stdout.split("\n\n")) {
      const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(block)?.[1] ?? "";
      const unit = value("Id");
      const main = { killMode: value("KillMode"), mainPid: Number(value("MainPID")) };
      if (unit !== "") found.set(unit, { unit, invocationId: value("InvocationID"), ...main });
    }
  }
  return found;
}

async function call(args: readonly string[]) {
  const ran = await systemctl(args, SYSTEMCTL_TIMEOUT_MS);
  // An instance that ended by itself is no error: who is left is seen by its processes.
  if (ran.status === null) throw new StepError("timeout", `systemctl ${args[0]}: ${ran.complaint}`);
  return ran;
}

function chunks(names: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(names.length / AT_ONCE) }, (_, at) =>
    names.slice(at * AT_ONCE, (at + 1) * AT_ONCE),
  );
}

function partition(instances: readonly AcceptedInstance[], own: ReadonlySet<string>) {
  return [instances.filter(({ unit }) => own.has(unit)), instances.filter(({ unit }) => !own.has(unit))] as const;
}

/** Units that this very command, or what started it, is in. */
function ownUnits(): ReadonlySet<string> {
  const table = processTable();
  const unitOf = unitsByPid();
  const units = new Set<string>();
  for (let pid = process.pid; pid > 0; pid = table.get(pid)?.ppid ?? 0) {
    const unit = unitOf.get(pid);
    if (unit !== undefined) units.add(unit);
  }
  return units;
}

function unitsByPid(): ReadonlyMap<number, string> {
  const root = cgroupRoot(cgroupPath(procText(1, "cgroup") ?? ""));
  const units = new Map<number, string>();
  for (const pid of processTable().keys()) {
    const path = relativeCgroup(cgroupPath(procText(pid, "cgroup") ?? ""), root);
    const owner = path === null ? null : cgroupOwner(path);
    if (owner?.kind === "unit") units.set(pid, owner.unit);
  }
  return units;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
