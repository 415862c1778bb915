import { describe, expect, test } from "vitest";
import { type Program, run } from "./programs.ts";

// Mistakes in a command line, in all three programs: one line, exit code 5, nothing on standard output, and the help of
// the very command that was typed.

const NAMES: Readonly<Record<Program, string>> = {
  cli: "afterpatch",
  agent: "afterpatch-agent",
  controller: "afterpatch-controller",
};

test.each<[Program, readonly string[], string]>([
  ["cli", [], ""],
  ["cli", ["frobnicate"], ""],
  ["cli", ["--frobnicate"], ""],
  ["cli", ["status", "--frobnicate"], "status"],
  ["cli", ["statsu"], ""],
  ["cli", ["rollout"], "rollout"],
  ["cli", ["rollout", "frobnicate"], "rollout"],
  ["cli", ["rollout", "start"], "rollout start"],
  ["cli", ["rollout", "start", "all", "--reason"], "rollout start"],
  ["cli", ["rollout", "abort"], "rollout abort"],
  ["cli", ["rollout", "pause"], "rollout pause"],
  ["cli", ["rollout", "resume"], "rollout resume"],
  ["cli", ["token", "create", "--frobnicate"], "token create"],
  ["controller", [], ""],
  ["controller", ["frobnicate"], ""],
  ["controller", ["init"], "init"],
  ["controller", ["serve", "--frobnicate"], "serve"],
  ["agent", [], ""],
  ["agent", ["scan", "--frobnicate"], "scan"],
  ["agent", ["why"], "why"],
  ["agent", ["apply", "--only", "frobnicate"], "apply"],
])("%s %j points to its own help", async (program, args, command) => {
  const { code, stdout, stderr } = await run(program, args);
  expect(stderr).toMatch(new RegExp(`^${NAMES[program]}: command line: [^\\n]+; [^\\n]+\\n$`));
  expect(stderr).toContain(`; see '${[NAMES[program], command].join(" ").trim()} --help'\n`);
  expect([code, stdout]).toEqual([5, ""]);
});

test.each<[Program, readonly string[]]>([
  ["cli", []],
  ["cli", ["rollout"]],
  ["cli", ["rollout", "start"]],
  ["controller", []],
  ["controller", ["serve"]],
  ["agent", []],
  ["agent", ["apply"]],
])("%s %j: -h is --help", async (program, args) => {
  const [short, long] = await Promise.all([run(program, [...args, "-h"]), run(program, [...args, "--help"])]);
  expect(short).toEqual(long);
  expect([short.code, short.stderr]).toEqual([0, ""]);
  expect(short.stdout).toContain([NAMES[program], ...args].join(" "));
});

test.each<[Program, readonly string[], string]>([
  ["cli", ["rollout", "start", "all", "--resaon", "x"], "--reason"],
  ["controller", ["serve", "--data-dir", "D", "--http-prot", "1"], "--http-port"],
  ["agent", ["scan", "--formt", "json"], "--format"],
])("%s %j names the option that was meant", async (program, args, option) => {
  const { code, stderr } = await run(program, args);
  expect(stderr).toMatch(
    new RegExp(`^${NAMES[program]}: command line: Unknown argument: .*\\(nearest: ${option}\\); see `),
  );
  expect(code).toBe(5);
});

test("examples of the controller stand on lines of their own", async () => {
  const { stdout } = await run("controller", ["init", "-h"]);
  expect(stdout).toMatch(
    /^ {2}afterpatch-controller init --data-dir \/var\/lib\/afterpatch\/controller --name ctl\.example\.net$/m,
  );
});

test.each(["init", "serve", "ready", "check-config", "backup", "restore", "login-token", "ca-renew"])(
  "the controller's %s says its exit codes",
  async (command) => expect((await run("controller", [command, "--help"])).stdout).toMatch(/\nExit codes: 0 /),
);

describe("100 kB where somebody typed them", () => {
  const LONG = "x".repeat(100_000);
  test.each<[Program, readonly string[]]>([
    ["cli", [LONG]],
    ["cli", [`--${LONG}`]],
    ["cli", [`${LONG} ${LONG.slice(0, 1_000)}`]],
    ["cli", ["status", "-o", LONG]],
    ["cli", ["status", "--controller", LONG, "--credentials", "/nonexistent"]],
    ["cli", ["status", "--credentials", LONG]],
    ["cli", ["status", "--out", LONG]],
    ["cli", ["plan", "all", "--serial", LONG]],
    ["cli", ["rollout", "list", "--limit", LONG]],
    ["cli", ["rollout", "start", "all", "--reason", "x", "--max-fail", LONG]],
    ["cli", ["token", "create", "--expires", LONG]],
    ["cli", ["token", "create", "--uses", LONG]],
    ["cli", ["token", "create", "--label", LONG]],
    ["cli", ["token", "create", "--label", `${LONG}=a`]],
    ["controller", [LONG]],
    ["controller", ["init", "--data-dir", LONG, "--name", "a"]],
    ["controller", ["init", "--data-dir", "/nonexistent/x", "--name", LONG]],
    ["controller", ["init", "--data-dir", "/nonexistent/x", "--name", "a", "--port", LONG]],
    ["controller", ["serve", "--data-dir", LONG]],
    ["controller", ["serve", "--data-dir", "/nonexistent", "--listen", LONG]],
    ["agent", [LONG]],
    ["agent", ["scan", `--${LONG}`]],
  ])("%s: a bounded line", async (program, args) => {
    const { code, stdout, stderr } = await run(program, args);
    expect(stderr).toMatch(new RegExp(`^${NAMES[program]}: [^\\n]+: [^\\n]+; [^\\n]+\\n$`));
    expect(stderr.length).toBeLessThan(500);
    expect(stderr).not.toMatch(/x{101}/);
    expect([code, stdout]).toEqual([5, ""]);
  });
});

test.each<[Program, readonly string[]]>([
  ["cli", ["status", ""]],
  ["cli", ["rollout", "abort", ""]],
  ["cli", ["rollout", "watch", ""]],
  ["cli", ["status", "--credentials", ""]],
  ["controller", ["init", "--data-dir", "", "--name", "a"]],
  ["controller", ["serve", "--data-dir", ""]],
  ["agent", ["apply", "--unit", ""]],
])("%s %j: an empty word, as a script gives whose variable is not set, is refused", async (program, args) => {
  const { code, stdout, stderr } = await run(program, args);
  expect(stderr).toMatch(/: command line: [\w-]+ is empty; give it a value, or leave it out\n$/);
  expect([code, stdout]).toEqual([5, ""]);
});
