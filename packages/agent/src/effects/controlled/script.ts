import { existsSync } from "node:fs";
import { actingLock } from "../../lock.ts";
import { isOpenrc } from "../../supervised/read.ts";
import { processTable, procText } from "../processes.ts";
import { type Ran, run } from "../run.ts";
import type { ServiceControl } from "./control.ts";

// Services of init scripts, where systemd is not PID 1: of sysvinit by service(8), of OpenRC by rc-service(8).

/** Scripts wait for their daemons to end; start-stop-daemon(8) with --retry easily takes half a minute. */
const SCRIPT_TIMEOUT_MS = 180_000;
const CHECK_TIMEOUT_MS = 20_000;

export function hasScript(name: string): boolean {
  return /^[\w@-][\w@.+-]*$/.test(name) && existsSync(`/etc/init.d/${name}`);
}

/** There is no `try-restart` that all scripts know. */
export function scriptControl(name: string): ServiceControl {
  const program = isOpenrc() ? "rc-service" : "service";
  const ask = (verb: "restart" | "start" | "reload" | "status", timeoutMs: number) => {
    // It hands PATH on to the daemon and keeps its directory to itself; what it starts may keep its output open.
    const lock = verb === "status" ? null : actingLock();
    return run(program, [name, verb], timeoutMs, { leavesDaemons: true, lock });
  };
  return {
    target: name,
    name,
    by: program === "service" ? "its script" : program,
    restart: async () => ({ ...(await ask("restart", SCRIPT_TIMEOUT_MS)), command: `${program} ${name} restart` }),
    restartUs: () => run(program, [name, "restart"], SCRIPT_TIMEOUT_MS, { leavesDaemons: true, isUnheard: true }),
    start: () => ask("start", SCRIPT_TIMEOUT_MS),
    reload: () => ask("reload", CHECK_TIMEOUT_MS),
    whyNotUp: async () => statusOf(await ask("status", CHECK_TIMEOUT_MS), name, program),
    isUnderWay: () => isUnderWay(name),
    veto: async () => null,
    keepers: () => [1],
  };
}

/**
 * Exit codes of `status`, LSB Core 22.2: 1 and 2 dead with traces left, 3 not running; of OpenRC 3 stopped, 32 crashed. Many
 * scripts have no such verb and say how they are used instead: that tells nothing.
 */
export function statusOf(
  { status, stdout, complaint }: Pick<Ran, "status" | "stdout" | "complaint">,
  name: string,
  program = "service",
): string | null {
  if (status === null || status === 0 || (status > 3 && status !== 32)) return null;
  if (/usage:/i.test(`${stdout}\n${complaint}`)) return null;
  return `${program} ${name} status says that it does not run (exit code ${status})`;
}

/** Somebody runs this service's script to restart or start it. */
function isUnderWay(name: string): boolean {
  return [...processTable().keys()].some((pid) => {
    const words = (procText(pid, "cmdline") ?? "").split("\0");
    const isStarting = words.includes("restart") || words.includes("start");
    return isStarting && words.some((word) => word === name || word.endsWith(`/init.d/${name}`));
  });
}
