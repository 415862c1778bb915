import { planDigest } from "@afterpatch/core/plan/digest";
import type { Permit, PermitUpdate } from "@afterpatch/core/session";
import { expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import { memoryJournal } from "../../../../test/fakes/journal.ts";
import { fakeHost } from "../../../../test/fakes/machine.ts";
import { PERMIT } from "../../../../test/fakes/session.ts";
import { NO_RULES } from "../vetoes/rules.ts";
import { Orders } from "./orders.ts";
import { reportOf, sha256 } from "./report.ts";

const restart = (target: string) => ({ kind: "restart-service", target });
const SSH = [restart("ssh.service")];

/** What a host with old sshd, nginx and cron did for a permit, and how that ended. */
async function ended(permit: Partial<Permit>) {
  const clock = fakeClock();
  const units = ["ssh.service", "nginx.service", "cron.service"].map((name) => ({ name, isOld: true }));
  const host = fakeHost({ units }, clock);
  const updates: PermitUpdate[] = [];
  const orders = new Orders({
    ...{ hostId: "h1", machine: host.machine(), rules: NO_RULES, journal: memoryJournal(), clock, sha256, reportOf },
    lock: () => () => {},
    emit: (update) => updates.push(update),
    signal: new AbortController().signal,
  });
  const { done } = await orders.take({ ...PERMIT, ...permit }, PERMIT.epoch);
  await done;
  const last = updates.at(-1);
  const outcome = last?.state === "finished" ? last.outcome : null;
  return { effects: host.effects, end: `${outcome?.result} ${outcome?.code}`.trim(), residue: outcome?.residue };
}

test.each<[string, Partial<Permit>, Awaited<ReturnType<typeof ended>>]>([
  [
    "what is left on purpose is not done, makes nothing stale, and is told",
    { leave: [restart("nginx.service"), restart("cron.service")] },
    { effects: ["restart-service:ssh.service"], end: "verified", residue: ["cron.service", "nginx.service"] },
  ],
  [
    "what is neither planned nor left makes the plan stale",
    { leave: [restart("nginx.service")] },
    { effects: [], end: "stale new-targets", residue: ["nginx.service"] },
  ],
  ["without the list all of it does", {}, { effects: [], end: "stale new-targets", residue: [] }],
  [
    "another remedy of what is left is new",
    { leave: [restart("nginx.service"), { kind: "end-session", target: "cron.service" }] },
    { effects: [], end: "stale new-targets", residue: ["nginx.service"] },
  ],
  [
    "what is left though it is planned is planned",
    { leave: [...SSH, restart("nginx.service"), restart("cron.service")] },
    { effects: ["restart-service:ssh.service"], end: "verified", residue: ["cron.service", "nginx.service"] },
  ],
])("%s", async (_name, permit, expected) => {
  expect(await ended({ steps: SSH, planDigest: planDigest(SSH, sha256), ...permit })).toEqual(expected);
});
