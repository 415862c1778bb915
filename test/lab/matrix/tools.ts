import { parseScan } from "@afterpatch/core/scan-json";
import type { Finished } from "../commands.ts";
import { installedVersion } from "../errata.ts";
import { exec, execOk, type Host } from "../host.ts";

/** What one tool said of a host. */
export interface Said {
  /** What it said of a process, by pid: the unit that it named beside it, or null. */
  readonly pids: ReadonlyMap<number, string | null>;
  /** Units that it named without a process. */
  readonly units: ReadonlySet<string>;
}

export interface Tool {
  readonly name: string;
  /** How it is run, for people. */
  readonly command: string;
  /** Whether it says which unit to restart. */
  readonly namesUnits: boolean;
  version(host: Host): Promise<string>;
  /** What it says of the host; `path` is a scenario's file, for the tool that is asked about one. */
  ask(host: Host, path: string): Promise<Said>;
  /** Asked for each scenario by itself. */
  readonly perPath?: boolean;
}

export const AFTERPATCH = "afterpatch";

export const afterpatch: Tool = {
  name: AFTERPATCH,
  command: "afterpatch-agent scan --format json",
  namesUnits: true,
  version: async (host) => (await execOk(host, ["/opt/afterpatch/bin/afterpatch-agent", "--version"])).trim(),
  ask: async (host) => {
    const { code, stdout, stderr } = await exec(host, [
      "/opt/afterpatch/bin/afterpatch-agent",
      "scan",
      "--format",
      "json",
    ]);
    if (code !== 0) throw new Error(`afterpatch-agent scan ended with ${code}: ${stderr}`);
    const { findings } = parseScan(JSON.parse(stdout));
    const pids = findings.flatMap(({ process, verdict, owner, remedy }): [number, string][] =>
      process ? [[process.pid, `${verdict}; ${owner.kind} ${owner.manager ?? "-"} ${owner.name}; ${remedy.kind}`]] : [],
    );
    return { pids: new Map(pids), units: new Set() };
  },
};

export const peers: readonly Tool[] = [
  {
    name: "needrestart",
    command: "needrestart -b -r l -l -v",
    namesUnits: true,
    version: (host) => installedVersion(host, "needrestart"),
    ask: async (host) => {
      const { stdout, stderr } = await exec(host, ["needrestart", "-b", "-r", "l", "-l", "-v"], { timeoutMs: 120_000 });
      // The batch mode names no process; the diary of -v does.
      const pids = matches(`${stdout}\n${stderr}`, /^\[main\] #([0-9]+) uses .*$/gm).map(([, pid]) => Number(pid));
      const units = matches(stdout, /^NEEDRESTART-(?:SVC|CONT): (.*)$/gm).map(([, unit = ""]) => unit);
      return { pids: new Map(pids.map((pid) => [pid, null])), units: new Set(units) };
    },
  },
  {
    name: "checkrestart",
    command: "checkrestart -m",
    namesUnits: false, // it names packages, and all scripts and units of a package
    version: (host) => installedVersion(host, "debian-goodies"),
    ask: async (host) =>
      pidsIn(await exec(host, ["checkrestart", "-m"], patient), /^(?:SERVICE|OTHER):[^,]*,([0-9]+),/gm),
  },
  lsof("lsof +L1", ["+L1"]),
  lsof("lsof -d DEL", ["-d", "DEL"]),
  {
    name: "lsof PATH",
    command: "lsof PATH",
    namesUnits: false,
    version: (host) => installedVersion(host, "lsof"),
    perPath: true,
    ask: async (host, path) => pidsIn(await exec(host, ["lsof", "-Fp", "--", path], patient), /^p([0-9]+)$/gm),
  },
  {
    name: "zypper ps",
    command: "zypper --non-interactive ps",
    namesUnits: true,
    version: (host) => installedVersion(host, "zypper"),
    ask: async (host) => {
      const { stdout } = await exec(host, ["zypper", "--non-interactive", "ps"], patient);
      const rows = matches(stdout, /^ *([0-9]+) *\|[^|]*\|[^|]*\|[^|]*\|[^|]*\| *([^|]*?) *\|/gm);
      return { pids: new Map(rows.map(([, pid, unit]) => [Number(pid), unit || null])), units: new Set() };
    },
  },
  {
    name: "dnf",
    command: "dnf --cacheonly needs-restarting",
    namesUnits: false,
    version: (host) => installedVersion(host, "dnf-plugins-core"),
    ask: async (host) =>
      pidsIn(await exec(host, ["dnf", "--cacheonly", "--quiet", "needs-restarting"], patient), /^([0-9]+) : /gm),
  },
];

const patient = { timeoutMs: 120_000 };

function lsof(name: string, args: readonly string[]): Tool {
  return {
    name,
    command: name,
    namesUnits: false,
    version: (host) => installedVersion(host, "lsof"),
    ask: async (host) => pidsIn(await exec(host, ["lsof", "-Fp", ...args], patient), /^p([0-9]+)$/gm),
  };
}

function pidsIn({ stdout }: Finished, pattern: RegExp): Said {
  const pids = matches(stdout, pattern).map(([, pid]): [number, null] => [Number(pid), null]);
  return { pids: new Map(pids), units: new Set() };
}

function matches(text: string, pattern: RegExp): readonly RegExpMatchArray[] {
  return [...text.matchAll(pattern)];
}
