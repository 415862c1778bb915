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

test("a program that is not there", async () => {
  expect(await run("no-such-program", [], 1000)).toMatchObject({ status: null, stdout: "" });
});
