import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { access, copyFile, mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isInit, removeCgroups } from "./cgroups.ts";
import { type Finished, LabError, must, type RunOptions, run } from "./commands.ts";
import { type Init, inits } from "./init.ts";
import { childrenOf, isAlive, killGroup, type ProcessIdentity, readOrUndefined, until } from "./processes.ts";

/** One host of a lab: names and places only, so any process that knows them can work with it. */
export interface Host {
  readonly name: string;
  readonly address: string;
  readonly address6: string;
  /** Its network namespace and its cgroup are both called this. */
  readonly namespace: string;
  /** Its disk (`upper`, over the base image), `boot.log`, and the pid that runs it (`boot.pid`). */
  readonly directory: string;
  /** The base image's directory. */
  readonly base: string;
  /** Its PID 1. */
  readonly init: Init;
  /** Directories of the system that its disk is laid over, the upper ones first. */
  readonly system: readonly string[];
  /** Where its cable is plugged in: namespace and interface of the switch. */
  readonly switchNamespace: string;
  readonly switchPort: string;
}

const insideEnvironment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  LANG: "C.UTF-8",
  DEBIAN_FRONTEND: "noninteractive",
} as const;

/** Gives the host a disk of its own with its name, identity and view of the other hosts. */
export async function makeDisk(host: Host, hostsFile: string): Promise<void> {
  for (const part of ["upper/etc", "work", "root"]) await mkdir(join(host.directory, part), { recursive: true });
  const etc = join(host.directory, "upper/etc");
  await writeFile(join(etc, "hostname"), `${host.name}\n`);
  await writeFile(join(etc, "hosts"), hostsFile);
  // Without one systemd takes this for a first boot and enables units by preset, ssh.socket beside ssh.service.
  await writeFile(join(etc, "machine-id"), `${randomBytes(16).toString("hex")}\n`);
  if (host.init === "sysvinit") await copyFile(join(import.meta.dirname, "inittab"), join(etc, "inittab"));
}

/** Switches a host on that is off; see `booted`. It runs until it powers off, whatever becomes of this process. */
export async function switchOn(host: Host, payload: string | undefined): Promise<void> {
  await rm(join(host.directory, "boot.pid"), { force: true });
  await writeFile(join(host.directory, "boot.permitted"), "");
  const log = await open(join(host.directory, "boot.log"), "a");
  try {
    const script = join(import.meta.dirname, "boot.sh");
    const words = [script, host.directory, host.system.join(":"), host.namespace, host.name];
    if (payload !== undefined) words.push(payload);
    const child = spawn("unshare", ["--mount", "sh", ...words], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.unref();
    await until(`${host.name}: start of boot.sh`, 10_000, () => bootLoop(host));
  } finally {
    await log.close();
  }
}

/** Cuts the power: nothing on the host has time to end in order. Its disk stays, for `switchOn` or removal. */
export async function switchOff(host: Host): Promise<void> {
  await rm(join(host.directory, "boot.permitted"), { force: true });
  const loop = await bootLoop(host);
  // First, so that it cannot start the host again; it leads the session that switchOn gave it.
  if (loop !== undefined) await killGroup(loop);
  await removeCgroups(host.namespace);
}

/** Waits until the host has booted: all its services are up (`running`), or all but some (`degraded`). */
export async function booted(host: Host, bootIdBefore?: string, signal?: AbortSignal): Promise<"running" | "degraded"> {
  const read = async () => {
    const loop = await bootLoop(host);
    if (loop === undefined || !(await isAlive(loop))) throw await switchedOff(host);
    const init = await leader(host);
    if (init === undefined) return undefined;
    const id = await bootIdOf(init);
    if (id === undefined || id === bootIdBefore) return undefined;
    const command = enter(init, inits[host.init].state);
    const state = (await run(command, inside<ExecOptions>({ signal }), killInside)).stdout.trim();
    return state === "running" || state === "degraded" ? state : undefined;
  };
  return until(`${host.name}: boot`, 60_000, read, signal);
}

/** Reboots the host as its administrator would and waits until it has booted again. */
export async function reboot(host: Host, signal?: AbortSignal): Promise<void> {
  const before = await bootId(host);
  await exec(host, inits[host.init].reboot, { signal });
  await booted(host, before, signal);
}

/** Identity of this boot; random(4). */
export async function bootId(host: Host): Promise<string> {
  const id = await bootIdOf(await running(host));
  if (id === undefined) throw await switchedOff(host);
  return id;
}

/** Read from outside: systemd-shutdown waits up to 10 s for any process in the host that is not of its own making. */
async function bootIdOf(init: number): Promise<string | undefined> {
  return (await readOrUndefined(`/proc/${init}/root/proc/sys/kernel/random/boot_id`))?.trim();
}

export interface ExecOptions extends RunOptions {
  /** Added to the small environment that commands get inside. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a command inside the host as root, outside of any unit and with all capabilities; `systemd-run --wait --pipe`
 * in front of it gives it a unit. A program left in the background must not keep standard output or error.
 */
export async function exec(host: Host, argv: readonly string[], options: ExecOptions = {}): Promise<Finished> {
  return run(enter(await running(host), argv), inside(options), killInside);
}

/** Like `exec`, for commands that must succeed: resolves with standard output. */
export async function execOk(host: Host, argv: readonly string[], options: ExecOptions = {}): Promise<string> {
  return must(enter(await running(host), argv), inside(options), killInside);
}

/**
 * Starts a command inside and leaves it running; it is killed with this process. The child stands for the command, with
 * its exit code, but signals go to it by `signalInside`.
 */
export async function spawnInside(
  host: Host,
  argv: readonly string[],
  options: { readonly stdio?: StdioOptions; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<ChildProcess> {
  const [file = "", ...rest] = enter(await running(host), argv);
  return spawn(file, rest, { stdio: options.stdio ?? "pipe", ...inside(options) });
}

/** Sends a signal to a command that `spawnInside` started; false when it has ended already. */
export async function signalInside(child: ChildProcess, signal: NodeJS.Signals): Promise<boolean> {
  if (child.pid === undefined) return false;
  const [command] = await childrenOf(child.pid);
  if (command === undefined) return child.kill(signal);
  return process.kill(command, signal);
}

/** The host's PID 1 as this machine numbers it, once it accepts commands; another one after each reboot. */
export async function leader(host: Host): Promise<number | undefined> {
  const loop = await bootLoop(host);
  for (const nspawn of loop === undefined ? [] : await childrenOf(loop.pid)) {
    for (const child of await childrenOf(nspawn)) {
      if ((await isInit(child)) && (await isReadable(`/proc/${child}/root/${inits[host.init].door}`))) return child;
    }
  }
  return undefined;
}

/** The process that keeps the host running, as boot.sh recorded it; it may have ended since. */
export async function bootLoop(host: Host): Promise<ProcessIdentity | undefined> {
  const words = (await readOrUndefined(join(host.directory, "boot.pid")))?.trim().split(" ").map(Number);
  return words?.[0] === undefined || words[1] === undefined ? undefined : { pid: words[0], startTicks: words[1] };
}

/**
 * The shell stays outside of the host's pid namespace and waits there; its child is inside. nsenter's own fork would not
 * do: it stops itself when its child is stopped, as systemd-shutdown does with all processes, and then holds up the
 * host's end for ever. Whatever kills the shell first, setpriv has the command go with it.
 */
function enter(init: number, argv: readonly string[]): readonly string[] {
  const dieTogether = ["setpriv", "--pdeathsig", "KILL"];
  const wait = ["sh", "-c", '"$@"; exit $?', "sh"];
  return [...dieTogether, "nsenter", "--target", `${init}`, "--all", "--no-fork", ...wait, ...dieTogether, ...argv];
}

async function running(host: Host): Promise<number> {
  const init = await leader(host);
  if (init === undefined) throw await switchedOff(host);
  return init;
}

function inside<T extends { readonly env?: Readonly<Record<string, string>> }>(options: T) {
  return { ...options, env: { ...insideEnvironment, ...options.env } };
}

/** The command first, for its shell to reap: an orphan in another pid namespace holds up the host's next shutdown. */
function killInside(child: ChildProcess): void {
  void signalInside(child, "SIGKILL").catch(() => child.kill("SIGKILL")); // It ended in between.
}

async function switchedOff(host: Host): Promise<LabError> {
  const log = await readOrUndefined(join(host.directory, "boot.log"));
  const last = log?.trim().split("\n").at(-1) ?? "nothing";
  return new LabError("not-up", `${host.name}: the host is not running; the last line of its boot.log: ${last}`);
}

async function isReadable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
