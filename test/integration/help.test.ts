import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommandLine } from "@afterpatch/agent/command-line";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whatIsMissing } from "./old-code.ts";

// Every example of every command's help, run as printed: in PID and mount namespaces of their own, so that nothing of
// this machine can be acted on, with an xinetd configuration that has the service of the examples.

const ROOT = join(import.meta.dirname, "../..");
const missing = whatIsMissing();
if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());

/** Exit codes that are right where an example is run: a host that is not enrolled and on which nothing is old. */
const EXPECTED: readonly (readonly [RegExp, readonly number[]])[] = [
  // Nobody in this namespace has it mapped.
  [/ --library 'libwrap|--package libssl3/, [6]],
  [/^afterpatch-agent scan .*nagios/, [0, 3]], // 3: the kernel of a machine without kernel packages is not known
  [/^afterpatch-agent apply .*--unit ssh/, [6]],
  [/^afterpatch-agent reboot --cancel/, [6]], // none waits
  [/^afterpatch-agent reboot\b/, [5]], // nobody is there to be asked
  [/^afterpatch-agent enroll /, [5]],
  [/^afterpatch-agent run/, [5]],
  [/^afterpatch-agent (?:scan|plan|apply|users|sessions|why|config)\b/, [0]],
];

function expectedOf(example: string): readonly number[] {
  return EXPECTED.find(([pattern]) => pattern.test(example))?.[1] ?? [];
}

async function help(...args: readonly string[]): Promise<string> {
  return runCommandLine([...args, "--help"], "0.0.0", 100);
}

const commands = [...(await help()).matchAll(/^ {2}afterpatch-agent ([a-z]+)\b/gm)].map(([, name = ""]) => name);
const examples = (await Promise.all(commands.map(examplesOf))).flat();

async function examplesOf(command: string): Promise<readonly string[]> {
  const [, section = ""] = (await help(command)).split(/^Examples:$/m);
  return [...section.matchAll(/^ {2}(afterpatch-agent .+?)(?: {2,}.*)?$/gm)].map(([, example = ""]) => example);
}

test("every command has an example", () => {
  expect(commands).toEqual(["scan", "users", "sessions", "why", "plan", "apply", "reboot", "enroll", "run", "config"]);
  for (const command of commands) {
    expect(examples.filter((example) => example.split(" ")[1] === command).length).toBeGreaterThan(0);
  }
});

test("every command says its exit codes", async () => {
  for (const command of commands) expect(await help(command)).toMatch(/\nExit codes: 0 /);
});

test("every option that is printed is explained", async () => {
  for (const command of commands) {
    const [, options = ""] = (await help(command)).split(/^Options:$/m);
    const [list = ""] = options.split(/^Examples:$/m);
    expect(list.match(/^ +(?:-\w, )?--[\w-]+ {0,2}\[/gm)).toBeNull();
  }
});

describe.skipIf(missing !== null)(`examples${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: string;
  let codes: ReadonlyMap<string, number>;

  beforeAll(() => {
    folder = mkdtempSync("/var/lib/afterpatch-test-");
    writeFileSync(join(folder, "xinetd.conf"), XINETD);
    writeFileSync(join(folder, "run.sh"), script(folder));
    const said = execFileSync("unshare", ["--mount", "--pid", "--fork", "--mount-proc", "sh", join(folder, "run.sh")], {
      encoding: "utf8",
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const lines = said
      .trimEnd()
      .split("\n")
      .map((line) => Number(line));
    codes = new Map(examples.map((example, index) => [example, lines[index] ?? -1]));
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(examples)("%s", (example) => expect(expectedOf(example)).toContain(codes.get(example)));
});

const XINETD = `service imap
{
  type = UNLISTED
  port = 143
  socket_type = stream
  protocol = tcp
  wait = no
  user = root
  server = /usr/sbin/imapd
}
`;

/** Prints the exit code of each example, one on a line. State and configuration are this namespace's own. */
function script(folder: string): string {
  const program = `sh ${join(ROOT, "test/node.sh")} ${join(ROOT, "packages/agent/src/main.ts")}`;
  return [
    "set -e",
    "mkdir -p /var/lib/afterpatch",
    "mount -t tmpfs none /var/lib/afterpatch",
    "[ -e /etc/xinetd.conf ] || touch /etc/xinetd.conf",
    `mount --bind ${folder}/xinetd.conf /etc/xinetd.conf`,
    `afterpatch_agent() { ${program} "$@"; }`,
    ...examples.map((example) => {
      const call = example.replace(/^afterpatch-agent/, "afterpatch_agent");
      return `code=0; ${call} >> ${folder}/said 2>&1 </dev/null || code=$?; echo $code`;
    }),
    "",
  ].join("\n");
}
