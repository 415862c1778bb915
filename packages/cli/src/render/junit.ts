import { isFinal } from "@afterpatch/core/exit";
import type { HostState } from "@afterpatch/core/rollout/types";
import type { ReportDocument, ReportedHostDocument, WorkItemDocument } from "../documents/report.ts";
import { counted } from "./table.ts";

/** A case of JUnit; what neither failed nor was skipped passed. */
interface Case {
  readonly name: string;
  readonly classname: string;
  readonly seconds: number;
  readonly verdict: Verdict;
  /** What was seen. */
  readonly said: string;
}

type Verdict = { readonly kind: "passed" } | { readonly kind: "skipped" | "failure"; readonly message: string };

interface Suite {
  readonly name: string;
  readonly at: number | null;
  readonly cases: readonly Case[];
}

const PASSED: Verdict = { kind: "passed" };

/**
 * A report as JUnit XML: a suite for the rollout itself, one for each wave and one for hosts that were not covered. In a wave
 * there is a case for each host and remedy, and one for the host's proof. Nothing fails exactly where the exit code of the
 * rollout is 0, or where only hosts were left out that nothing was done to.
 */
export function junitOf(report: ReportDocument): string {
  const name = `rollout ${report.id ?? "not started"}`;
  const waves = report.waves.map((wave) => ({
    ...{ name: `wave ${wave}`, at: report.createdAt },
    cases: report.hosts.filter((host) => host.wave === wave).flatMap((host) => casesOf(host, report)),
  }));
  const uncovered = report.uncovered.map(({ name: host, why }) =>
    caseOf("covered", host, { kind: "failure", message: `not covered: ${why}` }),
  );
  const at = report.createdAt;
  const seconds = lasted(report);
  const whole = { name, at, cases: [caseOf("finished", name, endOf(report), "", seconds)] };
  const rest = uncovered.length > 0 ? [{ name: "not covered", at, cases: uncovered }] : [];
  return xml(name, [whole, ...waves, ...rest], seconds);
}

/** From its order to its end, or to the last that is known of it. Hosts at once: less than the sum of their times. */
function lasted({ createdAt, endedAt, hosts }: ReportDocument): number {
  if (createdAt === null) return 0;
  const last = endedAt ?? Math.max(createdAt, ...hosts.map(({ changedAt }) => changedAt ?? 0));
  return Math.max(0, last - createdAt) / 1000;
}

/** Of a rollout that was not begun, or of which nothing can be told: why. */
export function junitOfError(what: string, line: string): string {
  const one = caseOf("finished", what, { kind: "failure", message: line });
  return xml(what, [{ name: what, at: null, cases: [one] }], 0);
}

function endOf({ state, why }: ReportDocument): Verdict {
  const message = why === "" ? state : `${state}: ${why}`;
  if (state === "finished") return PASSED;
  return { kind: isFinal(state) ? "failure" : "skipped", message };
}

function casesOf(host: ReportedHostDocument, report: ReportDocument): readonly Case[] {
  const reason = reasonOf(host, report);
  const items = host.items.map((item) =>
    caseOf(
      `${item.remedy.kind} ${item.remedy.target}`,
      host.name,
      verdictOf(item, host, reason),
      saidOf(item),
      (item.elapsedMs ?? 0) / 1000,
    ),
  );
  const { proof, residue } = host;
  const scan =
    proof === null ? [] : [`scan ${proof.digest} of boot ${proof.bootId}: ${counted(proof.findings, "finding")} left`];
  const said = [...scan, ...residue.map((one) => `stays: ${one}`)].join("\n");
  return [...items, caseOf("proof", host.name, proved(host.state, reason), said, proofSeconds(host))];
}

/**
 * From its last permit to its end, without the steps: waiting for it to settle, the scan, the checks. By the controller's clock
 * and the lengths of the steps, for the host's clock may be another.
 */
function proofSeconds({ state, changedAt, permits, items }: ReportedHostDocument): number {
  const from = permits.at(-1)?.at;
  if (from === undefined || changedAt === null || proved(state, "").kind === "skipped") return 0;
  const steps = items.reduce((sum, { elapsedMs }) => sum + (elapsedMs ?? 0), 0);
  return Math.max(0, changedAt - from - steps) / 1000;
}

function reasonOf({ state, reason }: ReportedHostDocument, { state: end }: ReportDocument): string {
  const words = reason === "" ? state : `${state}: ${reason}`;
  return state === "pending" && isFinal(end) ? `not begun: the rollout is ${end}` : words;
}

function verdictOf({ outcome, evidence }: WorkItemDocument, host: ReportedHostDocument, reason: string): Verdict {
  const message = evidence === "" ? reason : evidence;
  switch (outcome) {
    case "done":
      return PASSED;
    case "failed":
      return { kind: "failure", message };
    case null:
      // What was not there any more when its turn came needed nothing, and the proof shows that.
      return host.state === "done" || host.state === "done-with-residue"
        ? PASSED
        : { kind: "skipped", message: reason };
    default:
      return { kind: "skipped", message: outcome === "vetoed" || outcome === "skipped" ? message : outcome };
  }
}

function proved(state: HostState, message: string): Verdict {
  switch (state) {
    case "done":
    case "done-with-residue":
      return PASSED;
    case "failed":
    case "unreachable":
      return { kind: "failure", message };
    case "vetoed":
    case "skipped":
    case "written-off":
    case "pending":
    case "permitted":
    case "draining":
    case "acting":
    case "returning":
    case "settling":
    case "verifying":
    case "undraining":
      return { kind: "skipped", message };
  }
}

function saidOf({ evidence, journal = [] }: WorkItemDocument): string {
  return [...(evidence === "" ? [] : [evidence]), ...journal].join("\n");
}

function caseOf(name: string, classname: string, verdict: Verdict, said = "", seconds = 0): Case {
  return { name, classname, verdict, said, seconds };
}

function xml(name: string, suites: readonly Suite[], seconds: number): string {
  const all = suites.flatMap(({ cases }) => cases);
  const body = suites.map(suiteXml).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${attributes({ name, ...counts(all), time: seconds.toFixed(3) })}>\n${body}</testsuites>\n`;
}

function suiteXml({ name, at, cases }: Suite): string {
  const skipped = cases.filter(({ verdict }) => verdict.kind === "skipped").length;
  const when = at === null ? {} : { timestamp: new Date(at).toISOString().slice(0, 19) };
  const head = attributes({ name, ...counts(cases), skipped: String(skipped), ...when });
  return `  <testsuite${head}>\n${cases.map(caseXml).join("")}  </testsuite>\n`;
}

function counts(cases: readonly Case[]) {
  const failures = cases.filter(({ verdict }) => verdict.kind === "failure").length;
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0);
  return { tests: String(cases.length), failures: String(failures), errors: "0", time: seconds.toFixed(3) };
}

function caseXml({ name, classname, seconds, verdict, said }: Case): string {
  const open = `    <testcase${attributes({ name, classname, time: seconds.toFixed(3) })}>`;
  const message = verdict.kind === "passed" ? "" : verdict.message;
  const result =
    verdict.kind === "passed"
      ? ""
      : verdict.kind === "skipped"
        ? `<skipped${attributes({ message })}/>`
        : `<failure${attributes({ message, type: "failure" })}>${escaped(message)}</failure>`;
  return `${open}${result}${said === "" ? "" : `<system-out>${escaped(said)}</system-out>`}</testcase>\n`;
}

function attributes(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([key, value]) => ` ${key}="${escaped(value)}"`)
    .join("");
}

/** Outside of what XML 1.0 allows at all, "2.2 Characters": no escape helps there. With the `u` flag lone surrogates match. */
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

function escaped(text: string): string {
  return text.replace(FORBIDDEN, "\uFFFD").replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
