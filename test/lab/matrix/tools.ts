import { parseScan } from "@afterpatch/core/scan-json";
import { type Finished, LabError } from "../commands.ts";
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
const AGENT = "/opt/afterpatch/bin/afterpatch-agent";

export const afterpatch: Tool = {
  name: AFTERPATCH,
  command: "afterpatch-agent scan --format json",
  namesUnits: true,
  version: async (host) => (await execOk(host, [AGENT, "--version"])).trim(),
  ask: async (host) => {
    const { stdout } = await answer(host, [AGENT, "scan", "--format", "json"], [0]);
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
      const { stdout, stderr } = await answer(host, ["needrestart", "-b", "-r", "l", "-l", "-v"], [0]);
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
      pidsIn(await answer(host, ["checkrestart", "-m"], [0]), /^(?:SERVICE|OTHER):[^,]*,([0-9]+),/gm),
  },
  lsof("lsof +L1", ["+L1"]),
  lsof("lsof -d DEL", ["-d", "DEL"]),
  {
    name: "lsof PATH",
    command: "lsof PATH",
    namesUnits: false,
    version: (host) => installedVersion(host, "lsof"),
    perPath: true,
    ask: async (host, path) => pidsIn(await answer(host, ["lsof", "-Fp", "--", path], [0, 1]), /^p([0-9]+)$/gm),
  },
  {
    name: "zypper ps",
    command: "zypper --non-interactive ps",
    namesUnits: true,
    version: (host) => installedVersion(host, "zypper"),
    ask: async (host) => {
      const { stdout } = await answer(host, ["zypper", "--non-interactive", "ps"], [0, 102]);
      const rows = matches(stdout, /^ *([0-9]+) *\|[^|]*\|[^|]*\|[^|]*\|[^|]*\| *([^|]*?) *\|/gm);
      return { pids: new Map(rows.map(([, pid, unit]) => [Number(pid), unit || null])), units: new Set() };
    },
  },
];

/** A tool that did not run has not been silent. 1 is what lsof says when it found nothing, 102 is zypper's "reboot". */
async function answer(host: Host, argv: readonly string[], codes: readonly number[]): Promise<Finished> {
  const finished = await exec(host, argv, { timeoutMs: 120_000 });
  if (codes.includes(finished.code)) return finished;
  const said = finished.stderr.trim().split("\n").at(-1) ?? "";
  throw new LabError("command-failed", `${argv.join(" ")}: exit code ${finished.code}; it said: ${said}`);
}

function lsof(name: string, args: readonly string[]): Tool {
  return {
    name,
    command: name,
    namesUnits: false,
    version: (host) => installedVersion(host, "lsof"),
    ask: async (host) => pidsIn(await answer(host, ["lsof", "-Fp", ...args], [0, 1]), /^p([0-9]+)$/gm),
  };
}

function pidsIn({ stdout }: Finished, pattern: RegExp): Said {
  const pids = matches(stdout, pattern).map(([, pid]): [number, null] => [Number(pid), null]);
  return { pids: new Map(pids), units: new Set() };
}

function matches(text: string, pattern: RegExp): readonly RegExpMatchArray[] {
  return [...text.matchAll(pattern)];
}
