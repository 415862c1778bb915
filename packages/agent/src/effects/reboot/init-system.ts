import { readlinkSync, statSync } from "node:fs";
import { StepError } from "../error.ts";
import { procText, processTable } from "../processes.ts";
import { run, systemctl } from "../run.ts";

/** PID 1 that takes an order to reboot. */
export type InitSystem = "systemd" | "sysvinit";

const ANSWER_MS = 30_000;

/** Null: nobody on this host takes such an order, as in most containers. */
export function initSystem(): InitSystem | null {
  // Where /proc is that of another PID namespace, so is the PID 1 in it.
  if (readlinkSync("/proc/self") !== String(process.pid)) return null;
  const name = nameOfInit();
  if (name === "systemd" && statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory()) return "systemd";
  // What shutdown(8) of sysvinit writes to; other programs called init have none.
  if (name === "init" && statSync("/run/initctl", { throwIfNoEntry: false })?.isFIFO()) return "sysvinit";
  return null;
}

export function nameOfInit(): string {
  return procText(1, "comm")?.trim() ?? "";
}

/** A shutdown is under way, whoever wanted it. Throws StepError where nobody can tell. */
export async function isGoingDown(init: InitSystem): Promise<boolean> {
  if (init === "sysvinit") return /^\S+ [06]\s*$/.test((await run("runlevel", [], ANSWER_MS)).stdout);
  if ((await systemState()) === "stopping") return true;
  // logind waits some seconds for whoever asked it to (inhibitors of mode `delay`) before it tells PID 1.
  const logind = await run("loginctl", ["show-session", "--property=PreparingForShutdown"], ANSWER_MS);
  return /^PreparingForShutdown=yes$/m.test(logind.stdout);
}

/** What is started at boot is still being started. */
export async function isStarting(init: InitSystem): Promise<boolean> {
  if (init === "systemd") return ["initializing", "starting"].includes(await systemState());
  return [...processTable().values()].some(({ comm, ppid }) => ppid === 1 && (comm === "rc" || comm === "rcS"));
}

/** A word of systemctl(1), is-system-running; its exit code says the same less well. */
async function systemState(): Promise<string> {
  const { stdout, complaint } = await systemctl(["is-system-running"], ANSWER_MS);
  const state = stdout.trim();
  if (/^[a-z]+$/.test(state)) return state;
  throw new StepError("unreadable", `systemd does not say whether it is starting or stopping: ${complaint}`);
}

/** 252 of `systemd 252 (252.39-1~deb12u2)`; null where it does not say. */
export async function systemdVersion(): Promise<number | null> {
  const version = /^systemd ([0-9]+)/.exec((await systemctl(["--version"], ANSWER_MS)).stdout)?.[1];
  return version === undefined ? null : Number(version);
}

/** How often user space alone was started anew; null: this systemd cannot do it, or does not count. */
export async function softReboots(): Promise<number | null> {
  const { status, stdout, complaint } = await systemctl(["show", "--property=SoftRebootsCount"], ANSWER_MS);
  if (status !== 0) throw new StepError("unreadable", `systemd says nothing about itself: ${complaint}`);
  const count = /^SoftRebootsCount=([0-9]+)$/m.exec(stdout)?.[1];
  return count === undefined ? null : Number(count);
}

/** Units that failed, by name. */
export async function failedUnits(): Promise<readonly string[]> {
  const args = ["list-units", "--state=failed", "--plain", "--no-legend", "--full"];
  const { status, stdout, complaint } = await systemctl(args, ANSWER_MS);
  if (status !== 0) throw new StepError("unreadable", `systemd does not say which units failed: ${complaint}`);
  // A bullet before the name is no name.
  return stdout.split("\n").flatMap((line) => line.split(" ").find((word) => /^\S+\.[a-z]+$/.test(word)) ?? []);
}
