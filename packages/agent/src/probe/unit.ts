import { statSync } from "node:fs";
import { echoed } from "@afterpatch/core/text";
import { StepError } from "../effects/error.ts";
import { run } from "../effects/run.ts";
import { readUnit } from "../effects/service/unit.ts";
import { hasScript, statusOf } from "../effects/sysv/restart-script.ts";

const STATUS_MS = 20_000;

/** Why a unit of systemd, or a service of a SysV script, is not up, or null. Throws StepError where nobody can tell. */
export async function unitHeld(name: string): Promise<string | null> {
  if (!/^[^\s/]{1,255}$/.test(name) || name.startsWith("-")) return `${echoed(name)} is no name of a unit`;
  if (!statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory()) return scriptHeld(name);
  const { loadState, activeState, subState } = await readUnit(name);
  if (loadState !== "loaded") return `${name} is ${loadState}`;
  return activeState === "active" ? null : `${name} is ${activeState} (${subState})`;
}

/** LSB Core 22.2: `status` exits with 0 where the service runs. */
async function scriptHeld(unit: string): Promise<string | null> {
  const name = unit.replace(/\.service$/, "");
  if (!hasScript(name)) return `there is no script ${echoed(name)} in /etc/init.d`;
  const answer = await run("service", [name, "status"], STATUS_MS);
  const dead = statusOf(answer, name);
  if (dead !== null) return dead;
  if (answer.status === 0) return null;
  throw new StepError("unreadable", `its script does not say whether ${name} runs`);
}
