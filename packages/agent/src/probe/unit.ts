import { statSync } from "node:fs";
import { echoed, visible } from "@afterpatch/core/text";
import { StepError } from "../effects/error.ts";
import { run, systemctl } from "../effects/run.ts";
import { readUnit, type UnitState, unitState } from "../effects/service/unit.ts";
import { controlOf } from "../effects/controlled/control.ts";
import { hasScript, statusOf } from "../effects/controlled/script.ts";
import { parseSupervisedTarget } from "@afterpatch/core/supervised/owner";

const STATUS_MS = 20_000;

/** Why a unit of systemd, or a service of a SysV script, is not up, or null. Throws StepError where nobody can tell. */
export async function unitHeld(name: string): Promise<string | null> {
  if (!/^[^\s/]{1,255}$/.test(name) || name.startsWith("-")) return `${echoed(name)} is no name of a unit`;
  if (parseSupervisedTarget(name) !== null) return (await controlOf(name)?.whyNotUp()) ?? null;
  if (!statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory()) return scriptHeld(name);
  const unit = TYPE.test(name) ? name : `${name}.service`;
  const { loadState, activeState, subState } = unit.endsWith(".service") ? await readUnit(unit) : await show(unit);
  if (loadState !== "loaded") return `${unit} is ${visible(loadState)}`;
  return UP.includes(activeState) ? null : `${unit} is ${visible(activeState)} (${visible(subState)})`;
}

/** Types of systemd(1), "Concepts". */
const TYPE = /\.(?:service|socket|target|device|mount|automount|swap|timer|path|slice|scope)$/;
/** It runs while it reads its configuration again, too. */
const UP: readonly string[] = ["active", "reloading", "refreshing"];

type State = Pick<UnitState, "loadState" | "activeState" | "subState">;

/** Of a unit that is no service: nothing but its state is known of those. */
async function show(unit: string): Promise<State> {
  if (!/^[A-Za-z0-9:_.\\@-]+$/.test(unit)) throw new StepError("refused", `${echoed(unit)} is no name of a unit`);
  const args = ["show", "--property=LoadState,ActiveState,SubState", "--", unit];
  const { status, stdout, complaint } = await systemctl(args, STATUS_MS);
  if (status !== 0) throw new StepError("unreadable", `systemd says nothing about ${unit}: ${visible(complaint)}`);
  return unitState(stdout);
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
