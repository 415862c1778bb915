import { type FindingKind, type Scan, VERDICTS } from "@afterpatch/core/scan";
import { isKernelUnknown, ownerGroups } from "./owners.ts";

// OpenMetrics 1.0 text, written so that readers of Prometheus's own text format (node_exporter's textfile collector,
// promtool) accept it too: gauges only, no timestamps.

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Every metric, without its prefix: what it tells, and by which labels. */
export const FAMILIES = {
  build_info: { help: "Version of the program that scanned.", labels: ["version"] },
  scan_timestamp_seconds: { help: "When the scan began.", labels: [] },
  scan_duration_seconds: { help: "How long the scan took.", labels: [] },
  processes: { help: "Processes by what became of looking at them; unreadable ones are not known.", labels: ["state"] },
  findings: { help: "What runs old code, by the owner's kind and by how sure that is.", labels: ["kind", "verdict"] },
  owner_findings: {
    help: "What runs old code, by what has to be relaunched.",
    labels: ["kind", "manager", "owner", "verdict", "remedy"],
  },
  owners: { help: "How many owners run old code; owner_findings lists the first 500.", labels: [] },
  kernel_info: { help: "Running kernel, and the one that would boot next.", labels: ["running", "expected"] },
  kernel_status: { help: "1 for the state that the kernel is in.", labels: ["verdict"] },
  livepatches: { help: "Live patches in force; absent where that is not known.", labels: [] },
  microcode_status: { help: "1 for the state that the microcode is in.", labels: ["verdict"] },
  config_valid: {
    help: "0 while the agent's file is invalid and nothing is done here; absent where it could not be read.",
    labels: [],
  },
  reboot_status: { help: "1 for whether a reboot is required.", labels: ["required"] },
} as const;

/** A scan as metrics. Everything that could be counted is there, zeros too, so that a rule can tell 0 from no data. */
export function openMetrics(scan: Scan, version: string): string {
  const { host, processes, findings, startedAt, elapsedMs } = scan;
  const kernel = isKernelUnknown(scan) ? "unknown" : host.kernel.verdict;
  const families = [
    family("build_info", [{ labels: { version }, value: 1 }]),
    family("scan_timestamp_seconds", [{ value: startedAt / 1000 }], "seconds"),
    family("scan_duration_seconds", [{ value: elapsedMs / 1000 }], "seconds"),
    family("processes", [
      { labels: { state: "scanned" }, value: processes.scanned },
      { labels: { state: "vanished" }, value: processes.vanished },
      { labels: { state: "unreadable" }, value: processes.unreadable },
    ]),
    family("findings", findingSamples(scan)),
    family("owner_findings", ownerSamples(scan)),
    family("owners", [{ value: ownerGroups(findings).length }]),
    family("kernel_info", [
      { labels: { running: host.kernel.running, expected: host.kernel.expected ?? "" }, value: 1 },
    ]),
    family("kernel_status", one("verdict", KERNEL, kernel)),
    family("livepatches", livePatchSamples(scan)),
    family("microcode_status", one("verdict", KERNEL, host.microcode?.verdict ?? "unknown")),
    family("config_valid", configSamples(scan)),
    family("reboot_status", one("required", REBOOT, rebootWord(scan))),
  ];
  return `${families.join("")}# EOF\n`;
}

const KERNEL = ["current", "outdated", "unknown"] as const;
const REBOOT = ["true", "false", "unknown"] as const;
const KINDS: readonly FindingKind[] = ["service", "xinetd-session", "application", "kernel", "microcode"];

/** Every label is a time series in somebody's database. */
const MOST_OWNERS = 500;
const LONGEST_LABEL = 256;

function findingSamples({ findings }: Scan): readonly Sample[] {
  return KINDS.flatMap((kind) =>
    VERDICTS.filter((verdict) => verdict !== "identical").map((verdict) => ({
      labels: { kind, verdict },
      value: findings.filter((finding) => finding.kind === kind && finding.verdict === verdict).length,
    })),
  );
}

function ownerSamples({ findings }: Scan): readonly Sample[] {
  const samples = ownerGroups(findings)
    .slice(0, MOST_OWNERS)
    .map(({ owner, first: { remedy }, verdict, findings: members }) => ({
      labels: {
        kind: owner.kind,
        manager: owner.manager ?? "",
        owner: owner.name,
        verdict,
        remedy: remedy.automatic ? remedy.kind : "none",
      },
      value: members.length,
    }));
  // Two names that are the same once they were cut would be the same series twice, which readers refuse.
  const series = Map.groupBy(samples, ({ labels }) => labelText(labels));
  return [...series.values()].flatMap(([first, ...rest]) =>
    first ? [{ ...first, value: rest.reduce((sum, { value }) => sum + value, first.value) }] : [],
  );
}

function livePatchSamples({ host }: Scan): readonly Sample[] {
  const patches = host.kernel.livePatches ?? null;
  return patches === null ? [] : [{ value: patches.length }];
}

function configSamples({ config }: Scan): readonly Sample[] {
  return config?.verdict === "unknown" ? [] : [{ value: config === undefined ? 1 : 0 }];
}

function rebootWord({ reboot }: Scan): (typeof REBOOT)[number] {
  return reboot.required === null ? "unknown" : reboot.required ? "true" : "false";
}

function one(label: string, words: readonly string[], chosen: string): readonly Sample[] {
  return words.map((word) => ({ labels: { [label]: word }, value: word === chosen ? 1 : 0 }));
}

function family(name: keyof typeof FAMILIES, samples: readonly Sample[], unit?: string): string {
  const { help } = FAMILIES[name];
  const full = `afterpatch_${name}`;
  const lines = [
    `# TYPE ${full} gauge`,
    ...(unit === undefined ? [] : [`# UNIT ${full} ${unit}`]),
    `# HELP ${full} ${help}`,
    ...samples.map(({ labels, value }) => `${full}${labels ? labelText(labels) : ""} ${value}`),
  ];
  return `${lines.join("\n")}\n`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  const text = value.length > LONGEST_LABEL ? value.slice(0, LONGEST_LABEL).toWellFormed() : value;
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
