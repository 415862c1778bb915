import { arch, cpus, loadavg, release, totalmem } from "node:os";
import { version } from "@afterpatch/agent/version";
import type { AgentCost } from "./main.ts";
import type { Memory } from "./measure.ts";

/** An agent that reports every half hour and is left alone. */
const SCANS_PER_HOUR = 2;
/** Goals. */
const MOST_RSS_MB = 62;
const MOST_OWN_MB = 17;
const MOST_CPU_MS_PER_HOUR = 500;

export function documentOf({ processes, scanning, resting, scan, rest }: AgentCost): string {
  const perHour = (rest.ms / rest.elapsedMs) * 3_600_000;
  const ticksPerHour = (rest.ticksMs / rest.elapsedMs) * 3_600_000;
  const minutes = (rest.elapsedMs / 60_000).toFixed(1);
  const goal = (name: string, value: number, most: number, unit: string): string =>
    `- ${name} at most ${most} ${unit}: ${value.toFixed(1)}, **${value <= most ? "met" : "missed"}**`;
  return `# What an agent costs

Written by \`npm run bench:agent\` on ${new Date().toISOString().slice(0, 10)}; run it again rather than believe it.

- Machine: ${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${arch()}, Linux ${release()}; load ${loadavg()[0]?.toFixed(1)} at the end; ${processes} processes on it.
- afterpatch ${version} on Node ${process.versions.node}: the built program, enrolled, with one stream to a controller on the same machine.
- CPU is what the scheduler counted for all threads (\`/proc/PID/task/*/schedstat\`) in ${minutes} minutes without a scan, times ${(3_600_000 / rest.elapsedMs).toFixed(1)}: what happens less often than that is not in it. User and system time of \`/proc/PID/stat\` come in steps of 10 ms.
- Memory is of \`/proc/PID/smaps_rollup\`. Other processes of the same Node ran meanwhile: what they share is not private here, and is private on a host with one agent.

| process | RSS MB | private MB | anonymous MB | peak RSS MB |
|---|---|---|---|---|
${row("agent at rest", resting)}
${row("agent, after its scan was made", scanning.daemon)}
${row("process that scanned, before it ended", scanning.child)}

| what | CPU ms |
|---|---|
| at rest, ${minutes} minutes | ${rest.ms.toFixed(1)} (${rest.ticksMs} by /proc/PID/stat) |
| at rest, per hour | ${perHour.toFixed(0)} (${ticksPerHour.toFixed(0)}) |
| one scan in a process of its own, from its start to its end | ${scan.ms} |
| per hour with ${SCANS_PER_HOUR} scans | ${(perHour + SCANS_PER_HOUR * scan.ms).toFixed(0)} |

${goal("RSS at rest", resting.rss, MOST_RSS_MB, "MB")}
${goal("private memory at rest", resting.own, MOST_OWN_MB, "MB")}
${goal("CPU per hour without scans", perHour, MOST_CPU_MS_PER_HOUR, "ms")}
`;
}

function row(name: string, { rss, own, anonymous, peak }: Memory): string {
  return `| ${name} | ${[rss, own, anonymous, peak].map((mb) => mb.toFixed(1)).join(" | ")} |`;
}
