import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CarriedOut, carryOut } from "@afterpatch/agent/apply/carry-out";
import { applyExitCode } from "@afterpatch/agent/apply/exit-code";
import { configReader } from "@afterpatch/agent/config/config";
import { underConfig } from "@afterpatch/agent/config/narrow";
import { rulesOf } from "@afterpatch/agent/config/rules";
import type { Machine, Order } from "@afterpatch/agent/ports";
import { journalsIn } from "@afterpatch/agent/vetoes/counts";
import type { Surroundings } from "@afterpatch/agent/vetoes/vetoes";
import type { StepRef } from "@afterpatch/core/rollout/types";
import { fakeClock } from "../fakes/clock.ts";
import { memoryJournal } from "../fakes/journal.ts";
import { type FakeHostOptions, fakeHost } from "../fakes/machine.ts";

// An apply by the rules of a real file, its hooks real programs, on a host that counts what is done to it.

export const SSH: StepRef = { kind: "restart-service", target: "ssh.service" };
export const CRON: StepRef = { kind: "restart-service", target: "cron.service" };
export const IMAP: StepRef = { kind: "end-session", target: "imap" };
const HOST: FakeHostOptions = {
  units: [
    { name: "ssh.service", isOld: true },
    { name: "cron.service", isOld: true },
  ],
  services: [{ name: "imap", old: 1, fresh: 1 }],
};
const STEPS = [IMAP, CRON, SSH];
export const CLEAR: Omit<Surroundings, "starts"> = {
  transaction: () => null,
  inhibitor: () => null,
  usersLoggedIn: async () => null,
};

export function order(steps: readonly StepRef[] = STEPS): Order {
  const leave = STEPS.filter((step) => !steps.includes(step));
  const from = { kind: "permit", rolloutId: "r1", epoch: 1 } as const;
  return { from, steps, leave, deadlineMs: 3_600_000, graceMs: 0, settleMs: 0, allowNew: false };
}

/** A host with the agent's file of `text`, whose deny file is `deny` of the folder. */
export function hostWith(folder: string, text: string, here: Partial<Surroundings> = {}) {
  const clock = fakeClock(Date.parse("2026-11-28T12:00:00Z") - 100_000);
  const host = fakeHost(HOST, clock);
  const config = join(folder, "agent.yaml");
  writeFileSync(config, `denyFile: ${folder}/deny\n${text}`, { mode: 0o644 });
  const read = configReader({ config, owner: process.geteuid?.() ?? 0 });
  const rules = rulesOf(read, {
    clock,
    journals: journalsIn(folder),
    here: { ...CLEAR, starts: join(folder, "starts.jsonl"), ...here },
  });
  const plain = host.machine();
  const machine: Machine = { ...plain, scan: async (signal) => underConfig(await plain.scan(signal), await read()) };
  const journal = memoryJournal();
  const deps = { machine, rules, journal, clock, report: () => {}, signal: new AbortController().signal };
  return { host, clock, deps, journal, config, apply: (given = order()) => carryOut("op-1", given, deps) };
}

export function said({ ending, steps }: CarriedOut): string {
  return [ending.result, ending.code, ...steps.map(({ target, outcome }) => `${target} ${outcome}`)].join(" ").trim();
}

export const exit = (done: CarriedOut) => applyExitCode(done, false);
