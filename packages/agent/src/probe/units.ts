import { unitMatcher } from "@afterpatch/core/policy/narrow";
import { keptFromOrder } from "@afterpatch/core/policy/kept";
import type { NamedUnit } from "@afterpatch/core/plan/ordered";
import type { Policy } from "@afterpatch/core/policy/types";
import { visible } from "@afterpatch/core/text";
import { statSync } from "node:fs";
import { StepError } from "../effects/error.ts";
import { systemctl } from "../effects/run.ts";
import { unitsAlong } from "../effects/service/unit.ts";

const LIST_MS = 20_000;

/** Services of systemd that run and that a glob names, with why this host keeps each from a person's order, or null. */
export async function unitsNamed(glob: string, policy: Policy): Promise<readonly NamedUnit[]> {
  if (!statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory()) {
    throw new StepError(
      "refused",
      "without systemd nobody tells which services run; a rollout restarts what is old there",
    );
  }
  const args = ["list-units", "--type=service", "--state=running", "--plain", "--no-legend", "--full"];
  const { status, stdout, complaint } = await systemctl(args, LIST_MS);
  if (status !== 0) throw new StepError("unreadable", `systemd does not say which services run: ${visible(complaint)}`);
  const matches = unitMatcher(glob);
  const names = stdout.split("\n").flatMap((line) => /^([^\s]+\.service)\s/.exec(line)?.[1] ?? []);
  const units: NamedUnit[] = [];
  for (const name of names.filter(matches)) units.push({ name, why: await keptNow(name, policy) });
  return units;
}

/** Why a unit is not restarted by a person's order over the fleet, or null. Throws StepError where nobody can tell. */
export async function keptNow(unit: string, policy: Policy): Promise<string | null> {
  return keptFromOrder(policy, unit, await unitsAlong(unit));
}
