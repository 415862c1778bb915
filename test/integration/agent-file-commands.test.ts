import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// The program as it is typed, with a good file and with a bad one.

const ROOT = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "afterpatch-agent-file-commands-"));
const good = join(folder, "good.yaml");
const bad = join(folder, "bad.yaml");
const MISTAKE = `${bad}:2: units.protcted: unknown key; did you mean protected?`;
const isRoot = process.geteuid?.() === 0;

beforeAll(() => {
  writeFileSync(good, "units: { protected: [postgresql*] }\nverbs: [end-session]\n", { mode: 0o644 });
  writeFileSync(bad, "units:\n  protcted: [postgresql]\n", { mode: 0o644 });
});
afterAll(() => rmSync(folder, { recursive: true }));

function agent(args: readonly string[], input = "") {
  const words = [join(ROOT, "test/node.sh"), join(ROOT, "packages/agent/src/main.ts"), "--state-dir", folder, ...args];
  const { status, stdout, stderr } = spawnSync("sh", words, { encoding: "utf8", input });
  return { status, stdout, stderr };
}

describe("config check", () => {
  test("of a good file is one line of what it forbids", () => {
    const { status, stdout, stderr } = agent(["config", "check", "--stdin"], "units: { protected: [postgresql*] }");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toBe("standard input: protects postgresql*; 2 reboots in 24h at most, after 15m\n");
  });
  test("of a bad one is each mistake on a line of its own", () => {
    const { status, stdout, stderr } = agent(["config", "check", "--stdin"], "grace: 1\nsettle: 1\n");
    expect([status, stdout]).toEqual([5, ""]);
    expect(stderr).toBe(
      "afterpatch-agent: standard input:1: grace: has to be text, and is the number 1\n" +
        "afterpatch-agent: standard input:2: settle: has to be text, and is the number 1\n",
    );
  });
  test("for a program", () => {
    const { status, stdout } = agent(["config", "check", "--stdin", "-o", "json"], "\ngrace: 1\n");
    expect(status).toBe(5);
    expect(JSON.parse(stdout)).toEqual({
      schema: "afterpatch.config/v1",
      file: "standard input",
      valid: false,
      mistakes: [{ line: 2, key: "grace", what: "has to be text, and is the number 1" }],
      summary: null,
    });
  });
  test.each([
    [
      "a file that is not there",
      ["config", "check", "/nowhere/agent.yaml"],
      "/nowhere/agent.yaml: there is no such file",
    ],
    ["two files", ["--config", good, "config", "check", bad], "two files are named"],
    ["a file and standard input", ["config", "check", bad, "--stdin"], "a file is named, and --stdin reads none"],
    ["another verb", ["config", "show"], "config --help"],
    ["no verb", ["config"], "config --help"],
    ["a word too many", ["config", "check", bad, good], "config --help"],
  ])("of %s is a mistake", (_name, args, message) => {
    const { status, stderr } = agent(args);
    expect(status).toBe(5);
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("with an invalid file", () => {
  test("a scan says so, and is a scan", () => {
    const { status, stdout } = agent(["--config", bad, "scan", "-o", "json"]);
    expect(status).toBe(0);
    const { notes } = JSON.parse(stdout);
    expect(notes).toContain(
      `the agent's file is invalid, so nothing is done on this host: ${MISTAKE}; see 'afterpatch-agent config check ${bad}'`,
    );
  });
  test.each([["scan"], ["plan"]])("%s says so in its first line, and what to do", (...args) => {
    const { status, stdout, stderr } = agent(["--config", bad, ...args]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n", 1)[0]).toBe(
      `The agent's file is invalid, so nothing is done on this host: ${MISTAKE}; see 'afterpatch-agent config check ${bad}'`,
    );
    expect(stdout.split("agent's file is invalid")).toHaveLength(2);
  });
  test.each([
    ["plan", "-o", "json"],
    ["why", String(process.pid)],
    ["users", process.execPath],
    ["apply", "--dry-run"],
  ])("%s works and says so", (...args) => {
    const { status, stdout, stderr } = agent(["--config", bad, ...args]);
    expect(status).toBe(0);
    expect(stdout).not.toBe("");
    expect(stderr).toContain("the agent's file is invalid, so nothing is done on this host");
  });
  test("apply does nothing", () => {
    const { status, stderr } = agent(["--config", bad, "apply", "--yes"]);
    expect(status).toBe(5);
    expect(stderr).toContain(isRoot ? MISTAKE : "needs root");
  });
});

describe("with a deny file", () => {
  const denying = join(folder, "denying.yaml");
  const WHY = `${folder}/deny exists: moving racks; remove the file when that is over`;
  beforeAll(() => {
    writeFileSync(denying, `denyFile: ${folder}/deny\n`, { mode: 0o644 });
    writeFileSync(join(folder, "deny"), "moving racks\n");
  });

  test.each([["scan"], ["plan"]])("%s says so in its first line, and what to do", (...args) => {
    const { status, stdout, stderr } = agent(["--config", denying, ...args]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n", 1)[0]).toBe(`Nothing is done on this host: ${WHY}`);
  });
  test.each([
    ["plan", "-o", "json"],
    ["apply", "--dry-run", "-o", "json"],
  ])("%s %s %s says so beside its document", (...args) => {
    const { status, stdout, stderr } = agent(["--config", denying, ...args]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: "afterpatch.plan/v1" });
    expect(stderr).toBe(`afterpatch-agent: deny file: ${WHY}\n`);
  });
});

test.each([["scan"], ["plan"], ["apply", "--dry-run"], ["apply", "--yes"], ["users", "/usr/bin/env"]])(
  "%s fails where a file is named that is not there",
  (...args) => {
    const { status, stderr } = agent(["--config", join(folder, "none.yaml"), ...args]);
    expect(status).toBe(5);
    expect(stderr).toContain("none.yaml: there is no such file");
  },
);
