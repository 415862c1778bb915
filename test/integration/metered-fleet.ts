import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { DEFAULT_CONFIG } from "@afterpatch/controller/config/config";
import type { Report } from "@afterpatch/controller/store/hosts";
import { openStore, type Store } from "@afterpatch/controller/store/store";
import { budgetedPlan, rolloutPlan } from "../fakes/rollout.ts";
import { controllerHere, dataDirectory, type OpenedController } from "./in-process.ts";

export const DAY_MS = 86_400_000;

const CLEAN: Report = {
  digest: "d0",
  scannedAt: 0,
  bootId: "b1",
  os: "debian 12",
  kernel: "6.1.0",
  findings: { service: 0, "xinetd-session": 0, application: 0, kernel: 0, microcode: 0 },
  reboot: false,
  unreadable: 0,
  configError: null,
  body: randomBytes(10),
};
const OLD: Report = { ...CLEAN, digest: "d1", findings: { ...CLEAN.findings, service: 2, kernel: 1 }, reboot: true };

/** Names of the hosts below, each with what is said of it. */
export const HOSTILE = 'evil"\\}\u001b[2J';

/** Enrols `names`, each under its name as id. */
export async function enrolAll(
  store: Store,
  names: readonly string[],
  at: number,
  version = "0.1.0",
  labelsOf: (name: string) => Readonly<Record<string, string>> = () => ({}),
): Promise<void> {
  const secretSha256 = randomBytes(32);
  const id = `t-${randomBytes(4).toString("hex")}`;
  const times = { createdAt: at, expiresAt: at + DAY_MS };
  await store.tokens.create({
    ...{ id, secretSha256, uses: names.length + 1, labels: {}, createdBy: "admin", operator: null, ...times },
  });
  for (const name of names) {
    const application = {
      tokenId: id,
      secretSha256,
      spkiSha256: randomBytes(32),
      name,
      labels: labelsOf(name),
      now: at,
    };
    const certificate = { serial: `s-${name}`, notAfter: at + 30 * DAY_MS };
    await store.enrolment.redeem({ ...application, agentVersion: version }, name, certificate);
  }
}

/** A controller with hosts in every state, and rollouts that run, are paused and wait. */
export async function meteredFleet(webhook?: string): Promise<OpenedController> {
  const dataDir = await dataDirectory();
  const now = Date.now();
  const store = await openStore(join(dataDir, "controller.db"), now);
  await enrolAll(
    store,
    ["old", "older", "late", "cordoned", "twin", "silent", "mute", "odd", HOSTILE],
    now - 10 * DAY_MS,
  );
  await enrolAll(store, ["ending"], now - 25 * DAY_MS, 'v"\n\u001b[2J');
  await store.hosts.saveReport("old", OLD, now - DAY_MS / 2);
  await store.hosts.saveReport("older", OLD, now - 9 * DAY_MS);
  await store.hosts.saveReport("older", { ...OLD, digest: "d2" }, now - 60_000);
  for (const name of ["late", "cordoned", "twin", "ending", HOSTILE])
    await store.hosts.saveReport(name, CLEAN, now - 60_000);
  await store.hosts.saveReport("silent", { ...CLEAN, reboot: null, unreadable: 7 }, now - 5 * DAY_MS);
  await store.hosts.saveReport("odd", { ...CLEAN, configError: "agent.yaml:3: no such key" }, now - 60_000);
  await store.hosts.saveScanFailure("odd", { at: now, why: "no end within 600 s" });
  await store.hosts.quarantine("twin", { actor: "controller", at: now }, { why: "two machines speak as this host" });
  await store.holds.cordon(["cordoned"], { actor: "admin", reason: "disk", since: now, until: null });
  const started = { type: "started", at: now } as const;
  const of = (host: string, id: string) => ({ ...rolloutPlan({ id, hosts: [host] }), createdAt: now });
  await store.rollouts.create(of("old", "r-runs"), "q1", [started]);
  await store.rollouts.create(of("older", "r-gate"), "q2", [started, { type: "gate", at: now, why: "wave one" }]);
  const paused = { type: "paused", at: now, actor: "admin", why: "lunch" } as const;
  await store.rollouts.create(budgetedPlan("r-paused", "late"), "q3", [started, paused]);
  await store.close();
  const webhooks = webhook === undefined ? [] : [{ url: webhook, on: ["fleet.*"], secretFiles: [] }];
  return controllerHere(undefined, { ...DEFAULT_CONFIG, webhooks }, dataDir);
}
