import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseCommandLine } from "@afterpatch/cli/command-line";
import { COMMANDS } from "@afterpatch/cli/commands/all";
import { type Access, plain, type Shell } from "@afterpatch/cli/shell";
import { openStore } from "@afterpatch/controller/store/store";
import { asCommandError, errorLine } from "@afterpatch/core/command-error";
import { expect, onTestFinished, test } from "vitest";
import { rolloutPlan } from "../fakes/rollout.ts";
import { enrolAll } from "./metered-fleet.ts";
import { initialised, serve, temporaryDirectory } from "./programs.ts";

// Every example of every command's help, typed as printed, one after the other, before a controller whose hosts have
// the names of the examples. No agent is connected: what has to reach a host says so.

const ROLLOUT = "20261122-190312-9f3a2c1b";
const HOSTS = Array.from({ length: 50 }, (_, index) => `web${String(index + 1).padStart(2, "0")}`);

const examples = COMMANDS.flatMap((one) => (one.kind === "group" ? one.members : [one])).flatMap(({ examples: its }) =>
  its.map(([line]) => line),
);

/** Exit codes beside 0 that are right here, and what has to be said along with them. */
const EXPECTED: readonly (readonly [line: RegExp, code: number, said: RegExp])[] = [
  [/^afterpatch (?:rollout (?:start|retry)|apply|restart|reboot) (?!.*--yes)/, 5, /nobody is at a terminal/],
  [/^afterpatch (?:rollout start|apply|reboot) .*--yes/, 4, /has not come back yet since the controller started/],
  [/^afterpatch scan/, 4, /Not scanned/],
  [/--exit-code/, 4, /lastReportAt": null|never/],
  [/^afterpatch events -w/, 130, /^/], // until somebody interrupts it
  [/^afterpatch events -w --since 4711/, 5, /event 4711 is not of this controller/],
  [/^afterpatch login/, 5, /operator\.crt is there already/],
  [/^afterpatch rollout approve/, 5, /no wave of it waits for an approval/],
  [/^afterpatch rollout (?:status|watch)/, 3, /aborted by admin: wrong hosts/],
  [/^afterpatch rollout retry .*--yes/, 5, /which kept no order/], // it was made by this test
  [/^afterpatch hosts readmit/, 5, /does not ask to be let in again/],
  [/^afterpatch hosts release/, 5, /is not in quarantine/],
  [/^afterpatch token revoke/, 6, /kEYid23456/],
  [/^afterpatch audit verify --head/, 2, /4711/], // another log's
];
/** Sourced in the shells themselves by completion.test.ts. */
const SOURCED = /^source /;

test("every example of every command's help does what it says", async () => {
  const dataDir = await initialised();
  const store = await openStore(join(dataDir, "controller.db"), Date.now());
  await enrolAll(store, HOSTS, Date.now() - 60_000, "0.1.0", (name) => ({
    role: name === "web50" ? "db" : "web",
    zone: "a",
  }));
  const plan = { ...rolloutPlan({ id: ROLLOUT, hosts: ["web50"] }), createdAt: Date.now() - 60_000 };
  const gate = { type: "gate", at: Date.now(), why: "the canary is to be looked at" } as const;
  await store.rollouts.create(plan, "q1", [{ type: "started", at: Date.now() }, gate]);
  await store.close();
  const { ports } = await serve(dataDir);
  const cwd = await temporaryDirectory();
  writeFileSync(join(cwd, "openssl.yaml"), FILE);
  mkdirSync(join(cwd, ".config/fish/completions"), { recursive: true });
  mkdirSync(join(cwd, "production"));
  writeFileSync(join(cwd, "production/hosts"), INVENTORY);
  const before = process.cwd();
  process.chdir(cwd);
  onTestFinished(() => process.chdir(before));
  const access = {
    controller: `localhost:${ports.fleet}`,
    credentials: join(dataDir, "admin"),
    inventory: null,
    inventoryLabels: null,
    loginToken: "read where no file is named",
  };
  const wrong: string[] = [];
  for (const line of inOrder(examples.filter((example) => !SOURCED.test(example)))) {
    const { code, said } = await typed(line, access);
    const isRight =
      code === 0 || EXPECTED.some(([one, its, words]) => one.test(line) && its === code && words.test(said));
    if (!isRight) wrong.push(`${line}\n  exit ${code}: ${said.slice(0, 300)}`);
  }
  expect(wrong).toEqual([]);
}, 120_000);

/** Somebody approves before others pause; logs in with what was made; a rollout is followed once it was aborted, and then retried. */
const ORDER = [
  /rollout approve/,
  /^/,
  /^afterpatch login/,
  /rollout abort/,
  /rollout (?:status|watch|retry|history)/,
  /^afterpatch hosts/,
];

function inOrder(lines: readonly string[]): readonly string[] {
  const rank = (line: string) => (ORDER[0]?.test(line) ? 0 : ORDER.findLastIndex((one) => one.test(line)));
  return lines.toSorted((a, b) => rank(a) - rank(b));
}

/** As a shell reads it: single quotes, and a file for the output. */
function wordsOf(line: string): { readonly argv: readonly string[]; readonly to: string | null } {
  const words = (line.match(/(?:'[^']*'|[^\s'])+/g) ?? []).slice(1).map((word) => word.replaceAll("'", ""));
  const at = words.indexOf(">");
  return at < 0 ? { argv: words, to: null } : { argv: words.slice(0, at), to: words[at + 1] ?? null };
}

/** Runs the very commands in this process: a hundred processes would take minutes. */
async function typed(line: string, access: Access): Promise<{ readonly code: number; readonly said: string }> {
  const { argv, to } = wordsOf(line);
  let [out, err] = ["", ""];
  const write = (text: string) => {
    out += text;
  };
  const shell: Shell = {
    ...{ access, now: Date.now, out: write, written: async (text) => write(text), terminal: null, ask: null },
    paint: plain,
    err: (text) => {
      err += text;
    },
    onInterrupt: (interrupted) => {
      const timer = setTimeout(interrupted, ENDLESS.test(line) ? 1_000 : 30_000);
      return () => clearTimeout(timer);
    },
  };
  const code = await parseCommandLine(argv, "0.0.0", 100)
    .then((parsed) => (parsed.kind === "command" ? parsed.chosen.run(shell) : -1))
    .catch((thrown: unknown) => {
      const error = asCommandError(thrown);
      err += errorLine("afterpatch", error);
      return error.exit;
    });
  if (to !== null) writeFileSync(to.replace("~", "."), out);
  return { code, said: out + err };
}

const ENDLESS = /events -w/;

const FILE = `apiVersion: afterpatch/v1
kind: Rollout
name: openssl
reason: DSA-6001
select: role=web
waves:
  - {name: canary, pick: {per: [zone], count: 1}, bake: 1m}
  - {name: rest, after: [canary], ramp: [25%]}
budgets:
  - {by: zone, maxUnavailable: 1}
`;

const INVENTORY = `[web]
web[01:50]

[canary]
web01

[rack_b12]
web[40:45]

[db]
db01
`;
