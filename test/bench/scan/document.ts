import { arch, cpus, loadavg, release, totalmem } from "node:os";
import { version } from "@afterpatch/agent/version";
import { BASE, BOUND, OURS, versionOf } from "./contestants.ts";
import { type Cost, median } from "./measure.ts";
import { type Parent, POOL } from "./workload.ts";

/** How many of the old processes a program named, and how many others. */
export interface Answer {
  readonly right: number;
  readonly wrong: number;
  readonly isRight: boolean;
}

export interface SizeResult {
  readonly size: number;
  readonly parent: Parent;
  readonly stale: number;
  /** Before the rounds: nothing is in any cache yet. */
  readonly first: ReadonlyMap<string, Cost>;
  /** By name, one per round. */
  readonly costs: readonly ReadonlyMap<string, Cost>[];
  readonly answers: ReadonlyMap<string, Answer>;
  /** All and only the old processes, in the first scan and in those of the running agent. */
  readonly isRight: boolean;
}

export function documentOf(results: readonly SizeResult[]): string {
  const rounds = results[0]?.costs.length ?? 0;
  return `# What a scan costs

Written by \`npm run bench:scan\` on ${new Date().toISOString().slice(0, 10)}; run it again rather than believe it.

- Machine: ${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${arch()}, Linux ${release()}; load ${loadavg()[0]?.toFixed(1)} at the end.
- Versions: afterpatch ${version} on Node ${process.versions.node}, needrestart ${versionOf("needrestart")}, checkrestart of debian-goodies ${versionOf("debian-goodies")}, lsof ${versionOf("lsof")}.
- Processes, in a pid and mount namespace of their own: 72 % are daemons in C, each with 10 to 60 of ${POOL} libraries, 20 to 120 anonymous mappings, 5 to 40 descriptors and 0 to 8 more threads; 10 % run scripts of python3, 4 % of perl, 6 % of node, and 8 % are \`sleep\`. 5 % of all, daemons, run old code: three of five have a library that was replaced, one has one that was deleted, one is a program that was replaced.
- CPU is user and system time of all processes of a run, start-up included. Every round runs every program once, in another order; ${rounds} rounds; medians, in brackets the least and the most. A ratio is the median of the ratios within each round.
- Wall time was taken on a machine that did other work, and is no measure when the load is above the number of processors. Peak memory is that of the largest process of a run.

${results.map(sectionOf).join("\n")}
## What was not measured

- Scripts that changed, containers, user sessions and systemd as PID 1, with its units to ask for: none are in these processes. Without systemd, needrestart runs its package hooks for each old process that is a child of PID 1, and of the children of another program only for that one: hence two tables for each size. What it does under systemd is not in them.
- The memory of the running agent: here it runs from its sources.
- Files of packages: every old file lies below \`/opt\`, where no package owns it and where the loader does not look by itself, so that the agent asks processes by which name they loaded what. Libraries in \`/usr/lib\` cost it less; packages of old files cost it more.
- Cold caches, spinning disks, and machines of other architectures.
`;
}

function sectionOf(result: SizeResult): string {
  const { size, parent, stale, costs, answers } = result;
  const names = [...(costs[0]?.keys() ?? [])].filter((name) => !name.includes("warm"));
  const order = [...result.first.keys()].filter((name) => names.includes(name));
  const rows = order.map((name) => {
    const cpu = of(result, name, "cpuMs");
    const found = answers.get(name);
    return [
      name,
      spread(cpu),
      ratio(result, BASE, name, "cpuMs"),
      Math.round(median(of(result, name, "wallMs"))),
      ratio(result, BASE, name, "wallMs"),
      Math.round(median(of(result, name, "peakMb"))),
      found ? `${found.right} of ${stale}` : "-",
      found ? found.wrong : "-",
    ];
  });
  return `## ${size} processes, ${stale} with old code, children of ${parent}

| program | CPU ms | times less CPU than ${BASE} | wall ms | times less wall | peak MB | old found | others named |
|---|---|---|---|---|---|---|---|
${rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}

In one process that lives on, as the agent does (5 scans before, each beside the C program):

| full scan, CPU ms | C program, CPU ms | times the C program | times less CPU than ${BASE} |
|---|---|---|---|
| ${spread(of(result, "warm", "cpuMs"))} | ${spread(of(result, "bound of warm", "cpuMs"))} | ${ratio(result, "warm", "bound of warm", "cpuMs")} | ${ratio(result, BASE, "warm", "cpuMs")} |

${goals(result)}
`;
}

function goals(result: SizeResult): string {
  const lines = [
    goal(`CPU of one scan at least 4 times less than \`${BASE}\``, ratioOf(result, BASE, OURS, "cpuMs"), (x) => x >= 4),
    goal(
      "full scan in the running agent at most 1.3 times the C program",
      ratioOf(result, "warm", "bound of warm", "cpuMs"),
      (x) => x <= 1.3,
    ),
    ...(result.size >= 1000
      ? [goal("peak memory at most 70 MB", median(of(result, OURS, "peakMb")), (x) => x <= 70)]
      : []),
    `- every old process found and no other, in all scans: ${result.isRight ? "yes" : "**no**"}`,
    `- first scan of all, with an empty inventory: ${Math.round(result.first.get(OURS)?.cpuMs ?? Number.NaN)} ms of CPU`,
    `- CPU of one scan beside the C program: ${ratio(result, OURS, BOUND, "cpuMs")} times`,
  ];
  return lines.join("\n");
}

function goal(text: string, value: number, holds: (value: number) => boolean): string {
  return `- ${text}: ${value.toFixed(2)}, ${holds(value) ? "met" : "**missed**"}`;
}

function of({ costs }: SizeResult, name: string, what: keyof Cost): readonly number[] {
  return costs.flatMap((round) => round.get(name)?.[what] ?? []);
}

function ratioOf({ costs }: SizeResult, of: string, to: string, what: keyof Cost): number {
  return median(
    costs.flatMap((round) => {
      const [a, b] = [round.get(of), round.get(to)];
      return a && b ? a[what] / b[what] : [];
    }),
  );
}

function ratio(result: SizeResult, of: string, to: string, what: keyof Cost): string {
  return ratioOf(result, of, to, what).toFixed(2);
}

function spread(values: readonly number[]): string {
  return `${Math.round(median(values))} (${Math.round(Math.min(...values))}-${Math.round(Math.max(...values))})`;
}
