import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheDirectory, ensureBase } from "./base.ts";
import { LabError } from "./commands.ts";
import { booted, type Host, makeDisk, switchOff, switchOn } from "./host.ts";
import { type Init, inits } from "./init.ts";
import { ensureLayer } from "./layer.ts";
import { hostAddresses, hostsFile, makeNetwork, removeNetwork } from "./network.ts";
import { identityOf, isErrorOf, kill, type ProcessIdentity, readOrUndefined } from "./processes.ts";
import { missingRequirements, requirementsMessage } from "./requirements.ts";

/** A lab as it is recorded in its directory's lab.json before any part of it is made. */
export interface Lab {
  readonly name: string;
  readonly directory: string;
  /** Network namespace of the switch; the controller runs there. */
  readonly switchNamespace: string;
  readonly hosts: readonly Host[];
}

/** Told what is going on, a line at a time. */
export type Say = (line: string) => void;

export interface UpOptions {
  /** "lab" unless told otherwise. */
  readonly name?: string;
  /** How many (web01, web02, ...), or their names. */
  readonly hosts: number | readonly string[];
  /** PID 1 of all hosts; systemd unless told otherwise. */
  readonly init?: Init;
  /** Debian packages that all hosts have beside those of the base image. */
  readonly packages?: readonly string[];
  /** A directory all hosts see, read-only, as /opt/afterpatch. */
  readonly payload?: string | undefined;
  readonly say?: Say;
  readonly signal?: AbortSignal;
}

/** Makes a lab and waits until all its hosts have booted. What fails or is aborted half-way is removed again. */
export async function up(options: UpOptions): Promise<Lab> {
  const { name = "lab", init = "systemd", payload, say = () => undefined, signal } = options;
  const names = hostNames(name, options.hosts);
  const missing = await missingRequirements();
  if (missing.length > 0) throw new LabError("missing-requirement", requirementsMessage(missing));
  const base = await ensureBase(say, signal);
  const packages = [...inits[init].packages, ...(options.packages ?? [])];
  const layer = { name: [init, ...(options.packages ?? [])].join("-"), packages };
  const layers = packages.length === 0 ? [] : [await ensureLayer(layer, base, say, signal)];
  const lab = planned(name, names, { base: dirname(base.rootfs), init, system: [...layers, base.rootfs] });
  await claim(lab);
  try {
    await makeNetwork(lab.switchNamespace, lab.hosts);
    await start(lab, payload, say, signal);
    return lab;
  } catch (error) {
    await down(name);
    throw error;
  }
}

/** A lab without hosts: a network where programs run, and a directory. Virtual machines are made in it. */
export async function upNetwork(name: string): Promise<Lab> {
  const lab = { name, directory: labDirectory(name), switchNamespace: `afterpatch.${name}`, hosts: [] };
  await claim(lab);
  try {
    await makeNetwork(lab.switchNamespace, lab.hosts);
    return lab;
  } catch (error) {
    await down(name);
    throw error;
  }
}

/** Starts all hosts at once. When one fails the others are given up, and none is still being made on return. */
async function start(lab: Lab, payload: string | undefined, say: Say, signal: AbortSignal | undefined): Promise<void> {
  const failure = new AbortController();
  const either = signal === undefined ? failure.signal : AbortSignal.any([failure.signal, signal]);
  const boot = async (host: Host) => {
    try {
      await makeDisk(host, hostsFile(lab.hosts));
      await switchOn(host, payload);
      say(`${host.name} ${host.address} ${await booted(host, undefined, either)}`);
    } catch (error) {
      failure.abort(error);
      throw failure.signal.reason;
    }
  };
  const results = await Promise.allSettled(lab.hosts.map(boot));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Removes a lab, also one that another process made or left half-made. False when there is none of that name. */
export async function down(name = "lab"): Promise<boolean> {
  const directory = labDirectory(name);
  const lab = await find(name);
  if (lab !== undefined) {
    for (const process of await recordedProcesses(lab)) await kill(process);
    for (const host of lab.hosts) await switchOff(host);
    await removeNetwork(lab.switchNamespace, lab.hosts);
  }
  const existed = await readdir(directory).catch(() => undefined);
  // Hosts' disks were mounted in their own mount namespaces, which are gone: nothing is mounted below.
  await rm(directory, { recursive: true, force: true });
  return existed !== undefined;
}

/** The lab of that name, as it was planned: a host of it may be switched off. */
export async function find(name = "lab"): Promise<Lab | undefined> {
  const text = await readOrUndefined(join(labDirectory(name), "lab.json"));
  return text === undefined ? undefined : (JSON.parse(text) as Lab); // Written by `claim` only.
}

/** Names of the labs there are. */
export async function labNames(): Promise<readonly string[]> {
  return readdir(join(cacheDirectory(), "labs")).catch(() => []);
}

/** A host by name, or by number counted from 1. */
export function hostOf(lab: Lab, which: string | number): Host {
  const host = lab.hosts.find(({ name }, index) => name === which || `${index + 1}` === `${which}`);
  if (host !== undefined) return host;
  const names = lab.hosts.map(({ name }) => name).join(", ");
  throw new LabError("usage", `${which}: lab ${lab.name} has no such host; it has ${names}`);
}

/** Records a process that `down` must end, and that runs outside of the hosts, on the switch say. */
export async function record(lab: Lab, pid: number): Promise<void> {
  const identity = await identityOf(pid);
  if (identity !== undefined) await writeFile(join(lab.directory, "processes", `${pid}`), `${identity.startTicks}\n`);
}

function hostNames(lab: string, hosts: number | readonly string[]): readonly string[] {
  const names =
    typeof hosts === "number"
      ? Array.from({ length: hosts }, (_, index) => `web${String(index + 1).padStart(2, "0")}`)
      : hosts;
  const wrong = [lab, ...names].find((name) => !/^[a-z][a-z0-9-]{0,30}$/.test(name));
  if (wrong !== undefined)
    throw new LabError("usage", `${wrong}: not a name; use a letter, then letters, digits and -`);
  if (names.length < 1 || names.length > 250 || new Set(names).size < names.length) {
    throw new LabError("usage", `${names.length} hosts: not a lab; give 1 to 250 different names, or a number`);
  }
  return names;
}

function planned(name: string, hosts: readonly string[], made: Pick<Host, "base" | "init" | "system">): Lab {
  const directory = labDirectory(name);
  const switchNamespace = `afterpatch.${name}`;
  const host = (hostName: string, index: number): Host => ({
    name: hostName,
    ...hostAddresses(index + 1),
    namespace: `${switchNamespace}.${hostName}`,
    directory: join(directory, "hosts", hostName),
    ...made,
    switchNamespace,
    switchPort: `port${index + 1}`,
  });
  return { name, directory, switchNamespace, hosts: hosts.map(host) };
}

function labDirectory(name: string): string {
  return join(cacheDirectory(), "labs", name);
}

/** Making the directory decides between two processes that want the same name. */
async function claim(lab: Lab): Promise<void> {
  await mkdir(dirname(lab.directory), { recursive: true });
  try {
    await mkdir(lab.directory);
  } catch (error) {
    if (!isErrorOf(error, "EEXIST")) throw error;
    const why = `it is there already; remove it with "npm run lab -- down --name ${lab.name}" or take another name`;
    throw new LabError("already-up", `lab ${lab.name}: ${why}`, { cause: error });
  }
  await mkdir(join(lab.directory, "processes"));
  await writeFile(join(lab.directory, "lab.json"), JSON.stringify(lab, undefined, 2));
}

async function recordedProcesses(lab: Lab): Promise<readonly ProcessIdentity[]> {
  const directory = join(lab.directory, "processes");
  const pids = await readdir(directory).catch(() => []);
  return Promise.all(
    pids.map(async (pid) => ({ pid: Number(pid), startTicks: Number(await readFile(join(directory, pid), "utf8")) })),
  );
}
