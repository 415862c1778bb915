import { spawn } from "node:child_process";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launchUnit } from "@afterpatch/core/detect/owner";
import type { ApplicationRule, StartRule } from "@afterpatch/core/policy/types";
import { visible } from "@afterpatch/core/text";
import type { Account } from "@afterpatch/programs/run";
import { whyUnsafe } from "@afterpatch/programs/unsafe";
import { accountOf } from "../../hooks/program.ts";
import { actingLock } from "../../lock.ts";
import type { ApplicationEvidence, UserInstances } from "../evidence.ts";
import { isExecutable } from "../programs.ts";
import { type Ran, run, systemctl } from "../run.ts";
import type { Expected } from "./instances.ts";

type StartCommand = Extract<StartRule, { kind: "command" }>;

/** One user's part of a launch: what is run, and what has to be there then. */
export interface Launch extends Expected {
  readonly user: string;
  readonly account: Account;
  /** Null: whatever supervises it starts it. */
  readonly start: StartCommand | null;
  /** The transient unit that it is kept in where systemd is PID 1. */
  readonly unit: string;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const RUN = "/run/afterpatch";
const TIMEOUT_MS = 60_000;

/**
 * Who launches what: as the rule's user, else each as whoever ran it. A sentence where it could not be launched again, so
 * that nobody halts it.
 */
export async function launchesOf(
  { name: rule, match, start }: Pick<ApplicationRule, "name" | "match" | "start">,
  { users, sinceTicks }: ApplicationEvidence,
): Promise<readonly Launch[] | string> {
  const isContainer = match.container !== null;
  const fixed = start.kind === "command" ? start.user : isContainer ? "root" : null;
  const parts: readonly Pick<UserInstances, "user" | "programs">[] =
    fixed === null ? users : [{ user: fixed, programs: [...new Set(users.flatMap(({ programs }) => programs))] }];
  const launches: Launch[] = [];
  for (const { user, programs } of parts) {
    const account = await accountOf(user);
    if (typeof account === "string") return account;
    const ran = users.find((one) => one.user === user)?.uid ?? account.uid;
    if (fixed === null && ran !== account.uid) {
      return `it runs with the rights of ${user} and was started by uid ${ran}; say in the rule as whom (start.user)`;
    }
    const command = start.kind === "command" ? start : null;
    const why = command && whyNot(command, account.uid);
    if (why !== null) return why;
    const unit = launchUnit(rule, account.uid, sinceTicks);
    launches.push({ uid: isContainer ? null : account.uid, programs, user, account, start: command, unit });
  }
  return launches;
}

function whyNot({ command: [program], directory }: StartCommand, uid: number): string | null {
  const unsafe = whyUnsafe(program, uid);
  if (unsafe !== null) return unsafe;
  if (!isExecutable(program)) return `${program} may not be executed`;
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return `there is no folder ${directory}`;
  const needed = isSystemd() ? "systemd-run" : "setpriv";
  const isThere = PATH.split(":").some((folder) => isExecutable(join(folder, needed)));
  return isThere ? null : `there is no ${needed} on this host`;
}

/** Runs a launch that the caller has seen not to be there. Null, or why it was not started. */
export async function runLaunch(rule: string, launch: Launch): Promise<string | null> {
  const { start } = launch;
  if (start === null) return null;
  return isSystemd() ? inUnit(rule, launch, start) : inSession(launch, start);
}

/** What its unit came to, where it has ended or failed; null while it is there, and where nobody knows. */
export async function endOfLaunch({ unit, start }: Launch): Promise<string | null> {
  if (start === null || !isSystemd()) return null;
  const { status, stdout } = await systemctl(["show", "--property=ActiveState,Result", "--", unit], TIMEOUT_MS);
  if (status !== 0) return null;
  const state = /^ActiveState=(.*)$/m.exec(stdout)?.[1] ?? "";
  const result = /^Result=(.*)$/m.exec(stdout)?.[1] ?? "";
  if (state !== "inactive" && state !== "failed") return null;
  return result === "" || result === "success" ? "its command ended" : `its command ended: ${visible(result)}`;
}

/**
 * By PID 1, in a unit of its own: nothing of the agent's restrictions, environment, limits and control group. It goes
 * on with everything that the command started, for as long as any of it runs. Its name tells a second launch of the same
 * evidence from the first: systemd has none of these twice.
 */
async function inUnit(rule: string, launch: Launch, start: StartCommand): Promise<string | null> {
  const file = join(RUN, `${launch.unit}.environment`);
  const environment: Readonly<Record<string, string>> = { PATH, ...start.environment };
  mkdirSync(RUN, { recursive: true, mode: 0o755 });
  // A file of root's: what systemd is told about a unit everybody may read.
  rmSync(file, { force: true });
  writeFileSync(file, environmentFile(environment), { mode: 0o600, flag: "wx" });
  try {
    const unset = await inherited(environment);
    const args = (lasting: string) => [
      ...["--quiet", "--no-ask-password", "--collect", "--service-type=exec", `--unit=${launch.unit}`],
      ...[`--description=${rule}, launched by afterpatch-agent`, `--uid=${launch.user}`],
      ...[`--property=WorkingDirectory=${start.directory}`, `--property=EnvironmentFile=${file}`],
      ...(unset === "" ? [] : [`--property=UnsetEnvironment=${unset}`]),
      ...["--property=UMask=0022", "--property=IgnoreSIGPIPE=no", lasting],
      ...["StandardInput", "StandardOutput", "StandardError"].map((name) => `--property=${name}=null`),
      "--",
      // systemd puts variables into the words of a command, systemd.service(5).
      ...start.command.map((word) => word.replaceAll("$", "$$$$")),
    ];
    const ran = await systemdRun(args("--property=ExitType=cgroup"));
    // Before systemd 250 a unit ends with its first process, and takes the others along.
    const isOld = ran.status !== 0 && /ExitType/.test(ran.complaint);
    const last = isOld ? await systemdRun(args("--remain-after-exit")) : ran;
    // Without a word it was started and has ended already, which whoever waits for it finds out.
    const isBegun = last.status === 0 || last.complaint === `exit code ${last.status}`;
    return isBegun ? null : `systemd did not start it: ${visible(last.complaint)}`;
  } finally {
    rmSync(file, { force: true });
  }
}

function systemdRun(args: readonly string[]): Promise<Ran> {
  return run("systemd-run", args, TIMEOUT_MS, { lock: actingLock() });
}

/** Names that PID 1 would put into the environment of every service. */
async function inherited(wanted: Readonly<Record<string, string>>): Promise<string> {
  const { stdout } = await systemctl(["show-environment"], TIMEOUT_MS);
  const ofManager = stdout.split("\n").flatMap((line) => /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(line)?.[1] ?? []);
  const own = ["HOME", "LOGNAME", "USER", "SHELL", "LANG", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID"];
  const pressure = ["MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE"];
  return [...new Set([...own, ...pressure, ...ofManager])].filter((name) => !Object.hasOwn(wanted, name)).join(" ");
}

/** As systemd.exec(5) reads it: in double quotes everything but these four stands for itself. */
export function environmentFile(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}="${value.replace(/["\\`$]/g, "\\$&")}"\n`)
    .join("");
}

/**
 * What the loader of programs and the C library obey, ld.so(8): setpriv, which is still root, must not be told it. The
 * rest goes into its environment, which nobody else can read.
 */
const OBEYED =
  /^(?:LD_.*|MALLOC_.*|GLIBC_TUNABLES|GCONV_PATH|GETCONF_DIR|HOSTALIASES|LOCALDOMAIN|LOCPATH|NIS_PATH|NLSPATH|RESOLV_HOST_CONF|RES_OPTIONS|TMPDIR|TZDIR)$/;

/** Without systemd: in a session of its own, with the user's groups, nothing inherited but PATH. */
async function inSession({ account, user }: Launch, start: StartCommand): Promise<string | null> {
  const entries = Object.entries({ PATH, ...start.environment });
  const late = entries.flatMap(([name, value]) => (OBEYED.test(name) ? [`${name}=${value}`] : []));
  const words = [...(late.length === 0 ? [] : ["/usr/bin/env", ...late]), ...start.command];
  const args = [`--reuid=${user}`, `--regid=${account.gid}`, "--init-groups", "--", ...words];
  const umask = process.umask(0o022);
  const setpriv = PATH.split(":")
    .map((folder) => join(folder, "setpriv"))
    .find(isExecutable);
  const child = spawn(setpriv ?? "setpriv", args, {
    cwd: start.directory,
    env: Object.fromEntries(entries.filter(([name]) => !OBEYED.test(name))),
    detached: true,
    stdio: "ignore",
  });
  process.umask(umask);
  child.unref();
  return new Promise((resolve) => {
    child.once("spawn", () => resolve(null));
    child.once("error", (error) => resolve(error.message));
  });
}

export function isSystemd(): boolean {
  return statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory() === true;
}
