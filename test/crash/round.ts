import { mkdir, readFile, writeFile } from "node:fs/promises";
import { decodeLines } from "@afterpatch/agent/journal/lines";
import { type Operation, operations } from "@afterpatch/agent/journal/operations";
import type { StepResult } from "@afterpatch/core/rollout/types";
import { exec } from "../lab/host.ts";
import { complaints } from "./check.ts";
import { almostFull } from "./full.ts";
import { type Mode, type Site, UNITS } from "./site.ts";
import { FOLDER } from "./stage.ts";
import { type Strike, type Struck, strike } from "./strike.ts";

/** From an upgrade until nothing runs old code, with the agent struck on the way. */
export interface Round {
  /** Names it for people and for a replay. */
  readonly name: string;
  /** Who gives the orders: a person by `apply`, or a controller by permits. */
  readonly by: "apply" | "permit";
  /** Bytes left in the journal before it is rewritten; null: a journal that is far from it. */
  readonly roomBytes: number | null;
  /** Old sessions. */
  readonly sessions: readonly Mode[];
  /** One for each run of the agent, until one is not hit; then it runs undisturbed. */
  readonly strikes: readonly Strike[];
}

export interface Played {
  readonly hits: readonly boolean[];
  readonly lostBytes: number;
  readonly effects: number;
  /** What is wrong; none when all is well. */
  readonly complaints: readonly string[];
}

const GRACE_MS = 1000;
const NODE = "/opt/afterpatch/node";
const AGENT = [NODE, "/opt/afterpatch/agent/afterpatch-agent.mjs"];

export async function play(site: Site, round: Round): Promise<Played> {
  const state = `/var/lib/crash/${round.by}${round.roomBytes === null ? "" : "-full"}`;
  const journal = `${state}/${round.by === "apply" ? "apply.jsonl" : "journal.jsonl"}`;
  if (round.roomBytes !== null) {
    await mkdir(site.path(state), { recursive: true });
    await writeFile(site.path(journal), almostFull(round.by, round.roomBytes));
  }
  const before = { starts: (await site.starts()).length, told: (await site.told()).length };
  const known = new Set((await ordersOf(site, journal)).keys());
  const old = await site.openSessions(...round.sessions);
  await site.replaceProgram();
  const fresh = await site.openSessions("quick");

  const orders = new Map<string, Operation>();
  const documents: (readonly StepResult[])[] = [];
  const wrong: string[] = [];
  const learn = async (stdout: string) => {
    documents.push(...stepsTold(stdout));
    for (const [op, order] of await ordersOf(site, journal)) if (!known.has(op)) orders.set(op, order);
  };
  const hits: boolean[] = [];
  let lostBytes = 0;
  let permits = 1;
  for (const how of round.strikes) {
    const struck = await strike(site, command(round, state, permits), journal, how);
    lostBytes += struck.lostBytes;
    await learn(struck.stdout);
    wrong.push(...ofStrike(round.by, how, struck));
    hits.push(struck.isHit);
    if (!struck.isHit) break;
  }
  // A permit that ended as failed is not given again; its rollout gives another one.
  for (let isLeft = true; isLeft && permits < 4; permits++) {
    const { code, stdout, stderr } = await exec(site.host, command(round, state, permits), { timeoutMs: 120_000 });
    await learn(stdout);
    if (code !== 0 && code !== 2) wrong.push(`the undisturbed run ended with ${code}: ${stderr.trim().slice(-500)}`);
    isLeft = (await findings(site)) > 0;
  }
  const starts = (await site.starts()).slice(before.starts);
  const told = (await site.told()).slice(before.told);
  const account = {
    units: UNITS,
    starts,
    told,
    old,
    deaf: old.filter((_, index) => round.sessions[index] === "deaf"),
    fresh,
    open: await site.openPids(),
    orders,
    documents,
    findings: await findings(site),
    graceMs: GRACE_MS,
  };
  await site.closeSessions();
  return { hits, lostBytes, effects: starts.length + told.length, complaints: [...wrong, ...complaints(account)] };
}

function command({ by, name }: Round, state: string, permits: number): readonly string[] {
  if (by === "permit") {
    return [NODE, `${FOLDER}/permits.mjs`, state, `${name.replaceAll(" ", "-")}-${permits}`, `${GRACE_MS}`];
  }
  const times = ["--settle", "0s", "--grace", `${GRACE_MS / 1000}s`];
  return [...AGENT, "apply", "--yes", "-o", "json", ...times, "--state-dir", state];
}

/** A run whose journal failed says so in one line and ends with 1; in place of the daemon it throws. */
function ofStrike(by: Round["by"], how: Strike, { isHit, code, stderr }: Struck): readonly string[] {
  if (!isHit && code !== 0 && code !== 2) return [`not struck, it ended with ${code}: ${stderr.trim().slice(-500)}`];
  if (how.kind !== "error" || !isHit) return [];
  const last = stderr.trimEnd().split("\n").at(-1) ?? "";
  const isLine =
    by === "permit"
      ? stderr.includes("JournalError")
      : /^afterpatch-agent: journal: \S+ (?:cannot be \S+.*|is corrupt.*): .+; .+$/.test(last);
  return code === 1 && isLine ? [] : [`after ${how.error} in ${how.call} it ended with ${code} and said: ${last}`];
}

async function ordersOf(site: Site, journal: string): Promise<ReadonlyMap<string, Operation>> {
  const bytes = await readFile(site.path(journal)).catch(() => Buffer.alloc(0));
  return operations(decodeLines(bytes, journal).records);
}

/** Results of all orders that the document of a run tells; a run that was cut off has printed none. */
function stepsTold(stdout: string): readonly (readonly StepResult[])[] {
  if (stdout.trim() === "") return [];
  const document: unknown = JSON.parse(stdout);
  if (Array.isArray(document)) return (document as { steps: readonly StepResult[] }[]).map(({ steps }) => steps); // permits.ts
  const { steps, resumed } = document as Partial<ApplyDocument>; // afterpatch.apply/v1 or afterpatch.error/v1
  const own = (steps ?? []).map((step) => ({ ...step.remedy, ...step }));
  return [own, ...(resumed ?? []).map((order) => order.steps)];
}

interface ApplyDocument {
  readonly steps: readonly (StepResult & { readonly remedy: { readonly kind: string; readonly target: string } })[];
  readonly resumed: readonly { readonly steps: readonly StepResult[] }[];
}

async function findings(site: Site): Promise<number> {
  const { stdout } = await exec(site.host, [...AGENT, "scan", "-o", "json"]);
  return (JSON.parse(stdout) as { findings: readonly unknown[] }).findings.length;
}
