import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { isScript } from "./control.ts";
import { shown } from "./restart.ts";

const isSystemd = existsSync("/run/systemd/system");

test.each([
  ["ssh", !isSystemd],
  ["mysql.server", !isSystemd],
  ["ssh.service", false],
  ["runit:web", false],
  ["user@1000.service/x.service", false],
])("%s is the name of a script: %s", (name, expected) => expect(isScript(name)).toBe(expected));

test("what a script printed is shown without secrets, every character visible", () => {
  expect(shown("Starting /usr/sbin/x --password hunter2 a=b\u001b[2J")).toBe(
    "Starting /usr/sbin/x --password [redacted] a=b\\u{1b}[2J",
  );
  expect(shown("")).toBe("");
});
