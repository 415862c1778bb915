import { expect, test } from "vitest";
import {
  asCommandError,
  CommandError,
  errorDocument,
  errorIn,
  errorLine,
  fileReason,
  usageError,
} from "./command-error.ts";
import { EXIT } from "./exit.ts";

const LONG = "a".repeat(100_000);

test.each<[string, CommandError, string]>([
  [
    "what, why and what to do",
    new CommandError(EXIT.held, "run", "another agent runs", "stop it first"),
    "afterpatch: run: another agent runs; stop it first\n",
  ],
  [
    "without a remedy: the help",
    usageError("--serial", "is empty"),
    "afterpatch: --serial: is empty; see 'afterpatch --help'\n",
  ],
  ["lines become one", usageError("a", "b\n  c\r\n", "d"), "afterpatch: a: b c; d\n"],
  ["what a terminal would obey", usageError("--name", "'\x1b[2J'", "d"), "afterpatch: --name: '\\u{1b}[2J'; d\n"],
  ["whatever was thrown", asCommandError("boo"), "afterpatch: internal error: boo; please report it\n"],
])("%s", (_name, error, line) => expect(errorLine("afterpatch", error)).toBe(line));

test.each<[string, CommandError]>([
  ["what", usageError(LONG, "why", "todo")],
  ["why", usageError("what", LONG, "todo")],
  ["what to do", usageError("what", "why", LONG)],
  ["all", usageError(LONG, LONG, LONG)],
  ["a word", usageError("what", `cannot write ${LONG}`, "todo")],
  ["an internal error", asCommandError(new Error(LONG))],
  ["control characters that grow when they are shown", usageError("what", "\x1b".repeat(100_000))],
])("a line has an end, however long is: %s", (_name, error) => {
  const line = errorLine("afterpatch", error);
  expect(line.length).toBeLessThan(1_200);
  expect(line).toContain("…");
  expect(line).not.toMatch(/[^ ]{120}/);
  expect(JSON.stringify(errorDocument("afterpatch", error)).length).toBeLessThan(1_400);
});

test("white space costs no more than its length", () => {
  const began = performance.now();
  errorLine("afterpatch", usageError("what", `a${" ".repeat(1_000_000)}b\n${" \r".repeat(100_000)}`, "todo"));
  expect(performance.now() - began).toBeLessThan(2_000);
});

test("the help that is pointed to is that of the command", () => {
  expect(errorIn("afterpatch rollout start", usageError("--serial", "is empty"))).toMatchObject({
    exit: EXIT.usage,
    todo: "see 'afterpatch rollout start --help'",
  });
  const told = usageError("--reason", "is empty", "say why");
  expect(errorIn("afterpatch rollout start", told)).toBe(told);
  const thrown = new Error("boo");
  expect(errorIn("afterpatch plan", thrown)).toMatchObject({ exit: EXIT.internal, why: "boo", cause: thrown });
});

test("as a document", () => {
  expect(errorDocument("afterpatch", usageError("a", "b\x07"))).toEqual({
    schema: "afterpatch.error/v1",
    error: { exitCode: 5, what: "a", why: "b\\u{7}", todo: "see 'afterpatch --help'" },
  });
});

test.each<[unknown, string]>([
  [Object.assign(new Error("ENOENT: no such file or directory, open '/x'"), { code: "ENOENT" }), "it does not exist"],
  [Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" }), "the disk is full"],
  [Object.assign(new Error("EXDEV: cross-device link"), { code: "EXDEV" }), "EXDEV: cross-device link"],
  [new Error("too short"), "too short"],
  ["text", "text"],
])("%s: %s", (error, reason) => expect(fileReason(error)).toBe(reason));
