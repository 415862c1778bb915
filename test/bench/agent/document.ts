import { arch, cpus, loadavg, release, totalmem } from "node:os";
import { version } from "@afterpatch/agent/version";
import { median } from "../scan/measure.ts";
import type { Form, Forms } from "./forms.ts";
import type { AgentCost, Measured } from "./main.ts";

/** An agent that reports every half hour and is left alone. */
const SCANS_PER_HOUR = 2;
const HOUR_MS = 3_600_000;

/** Goals of an agent at rest, of one that scans 300 processes, and of a scan at the command line. */
const GOALS: readonly Goal[] = [
  { name: "RSS at rest", most: 62, unit: "MB", of: ({ resting }) => resting.rss },
  { name: "private memory at rest", most: 17, unit: "MB", of: ({ resting }) => resting.own },
  { name: "CPU per hour without scans", most: 500, unit: "ms", of: perHour },
  { name: "RSS of the daemon after a scan", most: 72, unit: "MB", of: ({ scanning }) => scanning.daemon.rss },
  { name: "RSS of the process that scans, at most", most: 72, unit: "MB", of: ({ scanning }) => scanning.child.peak },
  {
    name: "peak of a scan at the command line",
    most: 70,
    unit: "MB",
    of: ({ oneScan }) => oneScan?.peakMb ?? Number.NaN,
  },
];

interface Goal {
  readonly name: string;
  readonly most: number;
  readonly unit: string;
  readonly of: (cost: AgentCost) => number;
}

export function documentOf({ processes, agents }: Measured, { forms, variants }: Forms): string {
  const [first] = agents;
  if (!first) throw new Error("nothing was measured");
  const each = agents.filter(({ form }) => form === first.form).length;
  const minutes = (first.rest.elapsedMs / 60_000).toFixed(1);
  const own = (form: Form) => agents.filter((cost) => cost.form === form);
  return `# What an agent costs

Written by \`npm run bench:agent\` on ${new Date().toISOString().slice(0, 10)}; run it again rather than believe it.

- Machine: ${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${arch()}, Linux ${release()}; load ${loadavg()[0]?.toFixed(1)} at the end; ${processes} processes on it.
- afterpatch ${version} on Node ${process.versions.node}. Agents of each form: ${each}, of which each line is the median; started one after the other in turns and then at rest together, each enrolled, with one stream to a controller on the same machine. Installed size is that of the program's own files and of Node.
- Wall times and CPU times are those of a machine with that load; memory hardly depends on it.
- CPU at rest is what the scheduler counted for all threads (\`/proc/PID/task/*/schedstat\`) in ${minutes} minutes without a scan, times ${(HOUR_MS / first.rest.elapsedMs).toFixed(1)}: what happens less often than that is not in it.
- Memory is of \`/proc/PID/smaps_rollup\`, in MB. Agents of the same Node or single executable ran together: what they share of it is not private here, and is private, and all of the PSS, on a host with one agent. Anonymous memory is the same on both. A single executable of which one agent ran shares nothing: all it maps is private.
- How much of its program a process maps depends on how its file came into the page cache: a single executable that had just been written was seen with 14 MB more RSS than after it was dropped from the cache and read anew.

| form | RSS | PSS | private | anonymous | start-up CPU ms | until the stream, ms | CPU ms per hour | installed MB |
|---|---|---|---|---|---|---|---|---|
${forms.map((form) => row(form.name, [...atRest(own(form)), form.installedMb])).join("\n")}

| form, and its scans | daemon after a scan, RSS | the process that scans, RSS | anonymous | peak RSS | CPU ms of one scan | per hour with ${SCANS_PER_HOUR} scans | \`scan\` at the command line, peak RSS | CPU ms |
|---|---|---|---|---|---|---|---|---|
${forms.map((form) => row(form.name, ofScans(own(form)))).join("\n")}

## Goals

${forms.map((form) => goalsOf(form.name, own(form))).join("\n")}
- RSS of 32 MB after clean pages were given back (\`memory.reclaim\` of cgroup v2): 30.3 MB, **met** in the virtual machine of \`npm run test:kernel\` (checkout, in chunks, and Node; 24 November 2026); this table's machine need not have cgroup v2 (docs/agent-daemon.md)

## Flags

The one file with one thing changed, at rest; flags that are in use are in \`deploy/flags.ts\`, what is set at run time in
\`packages/agent/src/main.ts\`, and what the environment says to malloc(3) in \`deploy/systemd/afterpatch-agent.service\`.

| changed | RSS | PSS | private | anonymous | start-up CPU ms | until the stream, ms | CPU ms per hour |
|---|---|---|---|---|---|---|---|
${[...forms.slice(0, 1), ...variants].map((form, index) => row(index === 0 ? "nothing" : form.name, atRest(own(form)))).join("\n")}
`;
}

function perHour({ rest }: AgentCost): number {
  return (rest.ms / rest.elapsedMs) * HOUR_MS;
}

function atRest(costs: readonly AgentCost[]): readonly number[] {
  const of = (value: (cost: AgentCost) => number) => median(costs.map(value));
  const resting = (key: "rss" | "pss" | "own" | "anonymous") => of((cost) => cost.resting[key]);
  const memory = [resting("rss"), resting("pss"), resting("own"), resting("anonymous")];
  return [...memory, of(({ startCpuMs }) => startCpuMs), of(({ startWallMs }) => startWallMs), of(perHour)];
}

function ofScans(costs: readonly AgentCost[]): readonly number[] {
  const of = (value: (cost: AgentCost) => number) => median(costs.map(value));
  return [
    of(({ scanning }) => scanning.daemon.rss),
    of(({ scanning }) => scanning.child.rss),
    of(({ scanning }) => scanning.child.anonymous),
    of(({ scanning }) => scanning.child.peak),
    of(({ scan }) => scan.ms),
    of((cost) => perHour(cost) + SCANS_PER_HOUR * cost.scan.ms),
    of(({ oneScan }) => oneScan?.peakMb ?? Number.NaN),
    of(({ oneScan }) => oneScan?.cpuMs ?? Number.NaN),
  ];
}

function goalsOf(name: string, costs: readonly AgentCost[]): string {
  const lines = GOALS.map((goal) => {
    const value = median(costs.map(goal.of));
    return `- ${name}: ${goal.name} ${goal.most} ${goal.unit}: ${value.toFixed(1)}, **${value <= goal.most ? "met" : "missed"}**`;
  });
  return `${lines.join("\n")}\n`;
}

function row(name: string, values: readonly number[]): string {
  return `| ${name} | ${values.map((value) => value.toFixed(value < 200 ? 1 : 0)).join(" | ")} |`;
}
