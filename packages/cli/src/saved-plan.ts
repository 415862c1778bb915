import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { CommandError, fileReason, usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { foldHosts } from "@afterpatch/core/fleet/ranges";
import { echoed, visible } from "@afterpatch/core/text";
import type { PlanDocument } from "./documents/plan.ts";
import { isObject, orderIn } from "./saved-order.ts";
import type { Shell } from "./shell.ts";

/** Larger than the plan of any fleet. */
const LONGEST = 256 * 1024 * 1024;
const MOST_TOLD = 50;

/** What `afterpatch plan -o json --out FILE` wrote, as far as it is held against the plan of now. */
export interface SavedPlan extends Pick<PlanDocument, "digest" | "order" | "plannedAt" | "actor"> {
  readonly file: string;
  readonly waves: readonly SavedWave[];
}

interface SavedWave {
  readonly name: string;
  readonly ramp: readonly number[];
  readonly hosts: readonly { readonly id: string; readonly steps: readonly { readonly remedy: Remedy }[] }[];
}

type Remedy = PlanDocument["waves"][number]["hosts"][number]["steps"][number]["remedy"];

export async function readSavedPlan(file: string): Promise<SavedPlan> {
  const content = await contentOf(file);
  let document: unknown;
  try {
    document = JSON.parse(content);
  } catch (cause) {
    throw notSaved(file, "it is no JSON", { cause });
  }
  const wrong = (why: string): never => {
    throw notSaved(file, why);
  };
  if (!isObject(document) || document.schema !== "afterpatch.fleetplan/v1") {
    throw notSaved(file, "its schema is not afterpatch.fleetplan/v1");
  }
  const { digest, waves, plannedAt, actor } = document;
  if (typeof digest !== "string" || !Array.isArray(waves)) throw notSaved(file, "digest or waves are missing");
  return {
    ...{ file, digest },
    waves: waves.map((wave: unknown) => waveIn(wave) ?? wrong("a wave of it cannot be read")),
    plannedAt: isInstant(plannedAt) ? plannedAt : null,
    actor: typeof actor === "string" ? actor : null,
    order: orderIn(document.order) ?? wrong("it does not say what was ordered: an older program wrote it"),
  };
}

/** `plan.json was planned 2026-11-22T19:03:12Z by ops for 'role=web'` */
export function keptText({ file, plannedAt, actor, order }: SavedPlan): string {
  const when = plannedAt === null ? "" : ` ${new Date(plannedAt).toISOString().replace(/\.[0-9]+Z$/, "Z")}`;
  return `${visible(file)} was planned${when}${actor === null ? "" : ` by ${visible(actor)}`} for ${echoed(order.pattern)}`;
}

async function contentOf(file: string): Promise<string> {
  try {
    const content = file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
    if (content.length <= LONGEST) return content;
  } catch (error) {
    throw usageError("saved plan", `${file} cannot be read: ${fileReason(error)}`, "name a file that you may read", {
      cause: error,
    });
  }
  throw notSaved(file, "it is too long to be one");
}

function notSaved(file: string, why: string, options?: ErrorOptions): CommandError {
  const todo = "write one with 'afterpatch plan PATTERN -o json --out FILE'";
  return usageError("saved plan", `${visible(file)} is none: ${why}`, todo, options);
}

function waveIn(wave: unknown): SavedWave | null {
  if (!isObject(wave) || typeof wave.name !== "string" || !isNumbers(wave.ramp) || !Array.isArray(wave.hosts))
    return null;
  const hosts = wave.hosts.map((host: unknown) => {
    if (!isObject(host) || typeof host.id !== "string" || !Array.isArray(host.steps)) return null;
    const steps = host.steps.map(remedyIn);
    return steps.includes(null) ? null : { id: host.id, steps: steps.filter((step) => step !== null) };
  });
  if (hosts.includes(null)) return null;
  return { name: wave.name, ramp: wave.ramp, hosts: hosts.filter((host) => host !== null) };
}

function remedyIn(step: unknown): { readonly remedy: Remedy } | null {
  if (!isObject(step) || !isObject(step.remedy)) return null;
  const { kind, target } = step.remedy;
  return typeof kind === "string" && typeof target === "string" ? { remedy: { kind, target } } : null;
}

/** ECMA-262, 21.4.1.1: what a Date can be. */
function isInstant(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= 8.64e15;
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => typeof each === "number");
}

/** Whatever vanished since is fine; what is new is told, step by step, and nothing is begun. */
export function refuseStale(saved: SavedPlan, fresh: PlanDocument, shell: Pick<Shell, "err">): void {
  if (saved.digest === fresh.digest) return;
  const news = newIn(saved, fresh);
  if (news.length === 0) return;
  for (const line of news.slice(0, MOST_TOLD)) shell.err(`new: ${line}\n`);
  if (news.length > MOST_TOLD) shell.err(`new: and ${news.length - MOST_TOLD} more\n`);
  const why = `the fleet has changed since ${saved.file} was written (${news.length} new, above)`;
  throw new CommandError(EXIT.stale, "apply", why, "plan again, or add --allow-new");
}

/** What the plan of now asks for beyond the one that was kept: one line each. */
export function newIn(saved: Pick<SavedPlan, "waves">, fresh: Pick<PlanDocument, "waves">): readonly string[] {
  const known = new Map(
    saved.waves.flatMap((wave) =>
      wave.hosts.map(({ id, steps }) => [
        id,
        { wave: wave.name, steps: new Set(steps.map(({ remedy }) => keyOf(remedy))) },
      ]),
    ),
  );
  const byStep = new Map<string, string[]>();
  const say = (line: string, host: string) => byStep.set(line, [...(byStep.get(line) ?? []), host]);
  for (const wave of fresh.waves) {
    for (const { id, name, steps } of wave.hosts.filter((host) => host.steps.length > 0)) {
      const before = known.get(id);
      if (before !== undefined && before.wave !== wave.name) say(`wave ${wave.name} (it was in ${before.wave})`, name);
      for (const { remedy } of steps.filter((step) => !before?.steps.has(keyOf(step.remedy)))) {
        say(`${remedy.kind} ${remedy.target}`, name);
      }
    }
  }
  const lines = [...byStep].map(([line, hosts]) => `${foldHosts(hosts)}: ${line}`);
  return [...lines, ...fresh.waves.flatMap((wave) => largerIn(saved.waves, wave))];
}

/** The last size repeats. */
function largerIn(waves: readonly SavedWave[], { name, ramp }: PlanDocument["waves"][number]): readonly string[] {
  const before = waves.find((wave) => wave.name === name);
  if (before === undefined) return [];
  const at = (sizes: readonly number[], i: number): number => sizes[i] ?? sizes.at(-1) ?? 0;
  const places = Array.from({ length: Math.max(ramp.length, before.ramp.length) }, (_, i) => i);
  if (places.every((i) => at(ramp, i) <= at(before.ramp, i))) return [];
  return [`wave ${name}: batches of ${ramp.join(", ")}, which were ${before.ramp.join(", ")}`];
}

function keyOf({ kind, target }: Remedy): string {
  return JSON.stringify([kind, target]);
}
