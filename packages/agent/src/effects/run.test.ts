import { closeSync, existsSync, openSync } from "node:fs";
import { expect, test } from "vitest";
import { run } from "./run.ts";

const LEFT = "sleep 60 & echo $! >&2; echo said";

function ended(complaint: string): void {
  process.kill(Number(complaint), "SIGKILL"); // whom the program left behind
}

test("a program has ended when it has ended, whoever holds its output open", async () => {
  const { status, stdout, complaint } = await run("sh", ["-c", `${LEFT}; exit 3`], 20_000);
  ended(complaint);
  expect({ status, stdout }).toEqual({ status: 3, stdout: "said\n" });
});

test("so has one whose time is up", async () => {
  const { status, complaint } = await run("sh", ["-c", "sleep 8 & wait"], 100);
  expect({ status, complaint }).toEqual({ status: null, complaint: "no answer within 100 ms" });
}, 4000);

test("a script whose time is up is ended, and neither what it started nor who holds the lock for it stays in the way", async () => {
  const lock = openSync("/dev/null", "r");
  const script = "sleep 60 & echo $!; wait";
  const { status, stdout, complaint } = await run("sh", ["-c", script], 1000, { lock, leavesDaemons: true });
  closeSync(lock);
  expect({ status, complaint }).toEqual({ status: null, complaint: "no answer within 1000 ms" });
  expect(existsSync(`/proc/${stdout.trim()}/fd/0`)).toBe(true);
  expect(existsSync(`/proc/${stdout.trim()}/fd/3`)).toBe(false);
  ended(stdout);
});

test.each([0, 3])("a script's exit code is %i whoever waits for it", async (code) => {
  const lock = openSync("/dev/null", "r");
  const ran = await run("sh", ["-c", `exit ${code}`], 20_000, { lock, leavesDaemons: true });
  closeSync(lock);
  expect(ran.status).toBe(code);
});

test("a program that is not there", async () => {
  expect(await run("no-such-program", [], 1000)).toMatchObject({ status: null, stdout: "" });
});
