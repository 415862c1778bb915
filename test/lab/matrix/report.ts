import type { Cell } from "./judge.ts";
import type { Row } from "./run.ts";
import { answerOf } from "./scenario.ts";
import type { Tool } from "./tools.ts";

/** What the page says of the run itself. */
export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  /** Text by tool. */
  readonly versions: ReadonlyMap<string, string>;
}

/** The page docs/detection-matrix.md. */
export function matrixPage(
  rows: readonly Row[],
  tools: readonly Tool[],
  { date, machine, versions }: Circumstances,
): string {
  return `# What each tool says of old code

Made by \`npm run matrix\`, never by hand: every scenario below was made for real on one lab host, with processes,
mounts, packages and sessions of its own, and every tool was asked about that host.

${date}, ${machine}.

${table(
  ["tool", "version", "run as"],
  tools.map(({ name, command }) => [name, versions.get(name) ?? "", `\`${command}\``]),
)}

**right**: it names every process that runs old code (afterpatch: with the verdict, the owner and the remedy below; a tool
that names units: that unit and no other), and none that is current. **miss**: it is silent about old code. **false**: it
names what is current, or sends for the wrong thing. **n.a.**: not judged.

Not judged: \`dnf needs-restarting\`. Debian's dnf-plugins-core 4.3.1 was installed beside zypper (dpkg --force-breaks), and
every scenario's files were entered in the rpm database and upgraded there. It printed nothing, whatever happened: it drops
every mapping whose line in smaps holds "00:", as all lines of an overlay's files do, and takes the age of /proc/1, in a
container that of the container, for the time since the machine's start. A host of this lab cannot judge it.

Not made: containers of Docker, containerd and CRI-O. Their images come from registries, and the hosts of this lab see no
network; containers of nspawn, podman and LXC are started from a folder. The marks of the others are judged in
\`test/cases/docker-and-kubernetes\`.

${table(["", ...tools.map(({ name }) => name)], totals(rows, tools))}

## Scenario by tool

${table(
  ["scenario", ...tools.map(({ name }) => name)],
  rows.map(({ scenario, cells }) => [
    `[${scenario.name}](#${scenario.name})`,
    ...tools.map(({ name }) => cell(cells.get(name))),
  ]),
)}

## Scenarios, their answers and the reasons
${rows.map(section).join("")}`;
}

const KINDS = ["right", "miss", "false", "n.a."] as const;

/** How often each kind of answer was given, in the order of the tools. */
export function totals(rows: readonly Row[], tools: readonly Tool[]): readonly (readonly string[])[] {
  const count = (name: string, kind: Cell["kind"]) => rows.filter(({ cells }) => cells.get(name)?.kind === kind).length;
  return KINDS.map((kind) => [kind, ...tools.map(({ name }) => `${count(name, kind)}`)]);
}

function section({ scenario }: Row): string {
  const answer = answerOf(scenario);
  const said =
    answer.kind === "current"
      ? "current: no finding"
      : `${answer.verdict}; owner ${answer.owner}; remedy ${answer.remedy}`;
  return `
### ${scenario.name}

- made: ${scenario.made}
- right answer: **${said.replaceAll("*", "\\*")}**
- why: ${scenario.why}
`;
}

function cell(value: Cell | undefined): string {
  if (value === undefined) return "";
  const kind = value.kind === "right" ? "right" : `**${value.kind}**`;
  return value.kind === "right" || value.note === "" ? kind : `${kind}: ${value.note.replaceAll("|", "\\|")}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
