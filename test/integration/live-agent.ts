import { systemClock } from "@afterpatch/agent/clock";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import { loadIdentity } from "@afterpatch/agent/identity/identity";
import { dialer } from "@afterpatch/agent/session/dial";
import { reportOf, sha256 } from "@afterpatch/agent/session/report";
import { Session } from "@afterpatch/agent/session/session";
import { NO_RULES } from "@afterpatch/agent/vetoes/rules";
import { parseToken } from "@afterpatch/wire/token";
import { onTestFinished } from "vitest";
import { memoryJournal } from "../fakes/journal.ts";
import { type FakeHostOptions, fakeHost } from "../fakes/machine.ts";
import type { OpenedController } from "./in-process.ts";
import { newToken, temporaryDirectory } from "./programs.ts";

/** A host whose agent scans five times a second, and is connected. */
export async function agentOf(
  controller: OpenedController,
  name: string,
  is: FakeHostOptions,
  labels: Readonly<Record<string, string>> = {},
) {
  const token = parseToken(await newToken(controller));
  if (!token) throw new Error("the controller made no token");
  const address = { host: "localhost", port: controller.ports.enrol };
  const stateDir = await temporaryDirectory();
  await enroll({ controller: address, token, name, labels, stateDir, agentVersion: "0", now: Date.now });
  const identity = await loadIdentity(stateDir);
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const host = fakeHost(is, systemClock);
  const session = new Session(
    {
      ...{
        hostId: identity.hostId,
        agentVersion: "0",
        instanceId: "i1",
        machine: host.machine(),
        rules: NO_RULES,
        sha256,
        reportOf,
      },
      ...{ journal: memoryJournal(), clock: systemClock, connect: dialer(async () => identity), random: Math.random },
      schedule: () => 200,
      lock: () => () => {},
      log: { info() {}, warn() {}, error() {} },
    },
    stop.signal,
  );
  void session.run(); // until the test's end
  return host;
}
