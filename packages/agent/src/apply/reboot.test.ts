import type { StepRef } from "@afterpatch/core/rollout/types";
import { describe, expect, test } from "vitest";
import type { FakeHost } from "../../../../test/fakes/machine.ts";
import { type RebootWorldOptions, rebooted, rebootOrder, rebootWorld } from "../../../../test/fakes/reboot-order.ts";
import { operations } from "../journal/operations.ts";
import { NO_RULES } from "../vetoes/rules.ts";
import type { CarriedOut } from "./carry-out.ts";

const UNKNOWN = { running: "6.18.44", expected: null };
const REBOOT = "reboot:host";

const outcomes = ({ steps }: CarriedOut) => steps.map(({ target, outcome }) => `${target} ${outcome}`);

test("a reboot is begun, left open, and proved by the new boot and the expected kernel", async () => {
  const world = rebootWorld();
  const done = await rebooted(world);
  expect(done.ending).toEqual({ result: "verified", code: "", message: "", residue: [] });
  expect(done.steps).toMatchObject([
    {
      kind: "reboot",
      outcome: "done",
      evidence: "back with kernel 6.1.0-2-amd64, boot id boot-2",
      elapsedMs: 90_000,
    },
  ]);
  expect(done.findingsLeft).toEqual([]);
  expect(world.states).toEqual(["acting", "returning", "settling", "verifying"]);
  expect(world.journal.records().map(({ type }) => type)).toEqual([
    ...["begun", "intent"],
    ...["booted", "outcome", "ended"],
  ]);
  expect(world.host.effects).toEqual([REBOOT]);
  expect(world.host.reboots.told).toEqual(["This host reboots now: updated software comes into use by it."]);
});

test("the intent is on the disk, with all that it is proved by, before the state is told and the host goes down", async () => {
  const world = rebootWorld({ host: { units: [{ name: "ssh.service", isOld: false, port: 22 }] } });
  const seen: unknown[] = [];
  await world.live({ report: (state) => seen.push([state, world.journal.records().at(-1)]) });
  expect(seen.at(-1)).toMatchObject([
    "returning",
    {
      type: "intent",
      attempt: 1,
      before: {
        bootId: "boot-1",
        release: "6.1.0-1-amd64",
        expected: "6.1.0-2-amd64",
        failedUnits: [],
        ports: ["tcp 22"],
      },
    },
  ]);
});

test("sessions are ended before it where that was asked for, and keep their outcome", async () => {
  const steps = [
    { kind: "end-session", target: "imap" },
    { kind: "reboot", target: "host" },
  ];
  const order = rebootOrder({ sessionsFirst: true }, { steps });
  const world = rebootWorld({ order, host: { services: [{ name: "imap", old: 2, fresh: 1 }] } });
  const done = await rebooted(world);
  expect(world.host.effects).toEqual(["end-session:imap", REBOOT]);
  expect(outcomes(done)).toEqual(["imap done", "host done"]);
  expect(done.steps[0]?.evidence).toBe("end-session of imap");
});

test("nothing is begun any more after it, not even what is new and allowed", async () => {
  const unit = { name: "ssh.service", isOld: false, boot: "is-old" } as const;
  const world = rebootWorld({ order: rebootOrder({}, { allowNew: true }), host: { units: [unit] } });
  const done = await rebooted(world);
  expect(done.ending).toMatchObject({ result: "failed", code: "findings-left" });
  expect(world.host.effects).toEqual([REBOOT]);
});

test("no session is ended for a reboot that something speaks against", async () => {
  const steps = [
    { kind: "end-session", target: "imap" },
    { kind: "reboot", target: "host" },
  ];
  const order = rebootOrder({ sessionsFirst: true }, { steps });
  const world = rebootWorld({ order, host: { services: [{ name: "imap", old: 2, fresh: 1 }] } });
  const veto = async (step: StepRef | null) =>
    step?.kind === "reboot" ? ({ code: "cap", message: "2 reboots in the last 24 hours" } as const) : null;
  const done = await world.live({ rules: { ...NO_RULES, veto } });
  expect(done?.ending).toMatchObject({ result: "refused", code: "cap", message: "2 reboots in the last 24 hours" });
  expect(world.host.effects).toEqual([]);
});

test("what was to be restarted is left to a reboot that is needed since", async () => {
  const steps = [{ kind: "restart-service", target: "ssh.service" }];
  const order = rebootOrder({}, { steps, allowNew: true });
  const world = rebootWorld({ order, host: { units: [{ name: "ssh.service", isOld: true }] } });
  const done = await rebooted(world);
  expect(world.host.effects).toEqual([REBOOT]);
  expect(outcomes(done)).toEqual(["host done", "ssh.service skipped"]);
  expect(done.ending.result).toBe("verified");
});

describe("nothing is done", () => {
  test.each<[string, RebootWorldOptions, (host: FakeHost) => void, string, string]>([
    [
      "when the tool cannot tell which kernel would come up, and nobody ordered it",
      { host: { reboots: { kernel: UNKNOWN } } },
      () => {},
      "failed step-failed",
      "host vetoed",
    ],
    [
      "where the order leaves reboots out",
      { order: rebootOrder({ mode: "never" }) },
      () => {},
      "failed step-failed",
      "host vetoed",
    ],
    [
      "while a person has scheduled a shutdown",
      {},
      (host) => {
        host.reboots.veto = { code: "scheduled-shutdown", message: "a poweroff is scheduled" };
      },
      "refused scheduled-shutdown",
      "",
    ],
    [
      "while the initramfs is not there",
      {},
      (host) => {
        host.reboots.veto = { code: "boot-files", message: "/boot/initrd.img-2 is not there" };
      },
      "refused boot-files",
      "",
    ],
    [
      "by a method that the host has not",
      { order: rebootOrder({ method: "kexec" }) },
      (host) => {
        host.reboots.veto = { code: "impossible", message: "no kernel is loaded for kexec" };
      },
      "refused impossible",
      "",
    ],
    [
      "while a package manager is at work",
      {},
      (host) => host.setBusy("dpkg holds its lock"),
      "refused package-lock",
      "",
    ],
  ])("%s", async (_name, options, meanwhile, ending, steps) => {
    const world = rebootWorld(options);
    meanwhile(world.host);
    const done = await world.live();
    expect(done && `${done.ending.result} ${done.ending.code}`).toBe(ending);
    expect(done && outcomes(done).join()).toBe(steps);
    expect(world.host.effects).toEqual([]);
    expect(world.host.reboots.told).toEqual([]);
  });
});

test.each([
  ["refuses", "refused", "reboot host: systemctl: no"],
  ["accepts, and nothing comes of it", "ignored", "reboot host: it did not go down within 5m"],
] as const)("a command that the host %s: not rebooted, and people are told", async (_name, command, message) => {
  const world = rebootWorld({ host: { reboots: { command } } });
  const done = await world.live();
  expect(done?.ending).toMatchObject({ result: "failed", code: "not-rebooted", message });
  expect(world.host.reboots.told.at(-1)).toBe(`The reboot of this host does not take place: ${message}.`);
});

test("what the journal says after the boot is read back as it was written", async () => {
  const world = rebootWorld();
  await rebooted(world);
  const [operation] = operations(world.journal.records()).values();
  expect(operation).toMatchObject({ booted: { bootId: "boot-2" }, ending: { result: "verified" } });
});
