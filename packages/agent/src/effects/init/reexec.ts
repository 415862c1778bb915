import { statSync } from "node:fs";
import { executableMappings } from "@afterpatch/core/proc/maps";
import { visible } from "@afterpatch/core/text";
import type { Performed } from "../../ports.ts";
import { StepError } from "../error.ts";
import type { ReexecEvidence } from "../evidence.ts";
import { procText } from "../processes.ts";
import { run, systemctl } from "../run.ts";
import { waitUntil } from "../wait.ts";

const REEXEC_TIMEOUT_MS = 60_000;
const POLL_MS = 200;

export function initNow(): ReexecEvidence {
  const maps = procText(1, "maps");
  if (!maps) throw new StepError("unreadable", "/proc/1/maps cannot be read");
  return { mappings: executableMappings(maps).map(({ range, device, inode }) => `${range} ${device} ${inode}`) };
}

/** PID 1 replaces its own program and keeps its pid, start time and services. */
export async function reexecInit(before: ReexecEvidence): Promise<Performed> {
  const isSystemd = statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory() === true;
  const ran = isSystemd
    ? await systemctl(["daemon-reexec"], REEXEC_TIMEOUT_MS)
    : await run("telinit", ["u"], REEXEC_TIMEOUT_MS);
  const isNew = await waitUntil(() => initReplaced(before), REEXEC_TIMEOUT_MS, POLL_MS);
  if (isNew) return { outcome: "done", detail: "PID 1 executed its program anew" };
  const why = ran.status === 0 ? "" : `: ${visible(ran.complaint)}`;
  return { outcome: "failed", detail: `PID 1 did not execute its program anew${why}` };
}

/** An exec unmaps everything: something of before is no longer where it was. */
export function initReplaced(before: ReexecEvidence): boolean {
  const now = new Set(initNow().mappings);
  return before.mappings.some((mapping) => !now.has(mapping));
}

/** Null, or why PID 1 is not as it must be. */
export async function initSettled(before: ReexecEvidence): Promise<string | null> {
  if (!initReplaced(before)) return "PID 1 still runs what it ran before";
  if (statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory() !== true) return null;
  const answer = await systemctl(["show", "--property=Version"], REEXEC_TIMEOUT_MS);
  return answer.status === 0 ? null : `systemd does not answer: ${visible(answer.complaint)}`;
}
