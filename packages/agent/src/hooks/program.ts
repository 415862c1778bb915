import type { Program } from "@afterpatch/core/policy/types";
import { visible } from "@afterpatch/core/text";
import { type Account, type ProgramRun, runProgram as run } from "@afterpatch/programs/run";
import { run as ask } from "../effects/run.ts";

const ASK_TIMEOUT_MS = 10_000;

export type ProgramOptions = Pick<ProgramRun, "variables" | "graceMs" | "signal">;

/** Runs a hook or a check of the agent's file as the user that it names, and says what went wrong, or null. */
export async function runProgram(
  { command, user, timeoutMs }: Program,
  options: ProgramOptions,
): Promise<string | null> {
  const account = await accountOf(user);
  return typeof account === "string" ? account : run({ command, account, timeoutMs, ...options });
}

/** Users may be known to the name service alone, see getent(1). A sentence where there is none of this name. */
export async function accountOf(user: string): Promise<Account | string> {
  const { status, stdout, complaint } = await ask("getent", ["passwd", "--", user], ASK_TIMEOUT_MS);
  const [, , uid, gid, , home] = stdout.split("\n", 1)[0]?.split(":") ?? [];
  if (status === 0 && /^[0-9]+$/.test(uid ?? "") && /^[0-9]+$/.test(gid ?? "")) {
    return { user, uid: Number(uid), gid: Number(gid), home: home || "/" };
  }
  return status === 2 ? `there is no user ${user}` : `user ${user} cannot be looked up: ${visible(complaint)}`;
}
