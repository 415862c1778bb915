import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { WaitingReboot } from "../../ports.ts";
import { WaitingFile } from "./waiting.ts";

const WAITING: WaitingReboot = { op: "op-1", dueAt: 1_700_000_000_000, method: "reboot", message: "" };

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "afterpatch-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** Somebody whose look is followed by what somebody else does. */
class Overtaken extends WaitingFile {
  readonly #meanwhile: () => void;

  constructor(at: string, meanwhile: () => void) {
    super(at);
    this.#meanwhile = meanwhile;
  }

  override read(): WaitingReboot | null {
    const waiting = super.read();
    this.#meanwhile();
    return waiting;
  }
}

test("who cancels second is told that none waits, and the first one's word stays", () => {
  const at = directory();
  const first = new WaitingFile(at);
  first.announce(WAITING);
  const second = new Overtaken(at, () => first.cancel("alice", "backup runs"));
  expect(second.cancel("bob", "")).toBeNull();
  expect(first.cancelled("op-1")).toBe("cancelled on the host by alice: backup runs");
  expect(first.claim("op-1")).toBe(false);
});

test("who cancels when it was just begun is told so, and nothing says that it was cancelled", () => {
  const at = directory();
  const agent = new WaitingFile(at);
  agent.announce(WAITING);
  const person = new Overtaken(at, () => agent.claim("op-1"));
  expect(person.cancel("bob", "")).toBeNull();
  expect(agent.isBegun()).toBe(true);
  expect(agent.cancelled("op-1")).toBeNull();
  expect(agent.claim("op-1")).toBe(true);
});

test("one that was cancelled is not announced again by an agent that comes back", () => {
  const file = new WaitingFile(directory());
  file.announce(WAITING);
  file.cancel("alice", "");
  file.announce(WAITING);
  expect(file.read()).toBeNull();
  expect(file.cancelled("op-1")).toBe("cancelled on the host by alice");
  expect(file.claim("op-1")).toBe(false);
});

test("the next one is announced, and the word about the last one is gone", () => {
  const file = new WaitingFile(directory());
  file.announce(WAITING);
  file.cancel("alice", "");
  file.announce({ ...WAITING, op: "op-2" });
  expect(file.read()?.op).toBe("op-2");
  expect(file.cancelled("op-1")).toBeNull();
  expect(file.claim("op-2")).toBe(true);
});
