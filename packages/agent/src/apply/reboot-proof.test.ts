import { describe, expect, test } from "vitest";
import { type RebootWorldOptions, rebooted, rebootOrder, rebootWorld } from "../../../../test/fakes/reboot-order.ts";

const UNKNOWN = { running: "6.18.44", expected: null };
const REBOOT = "reboot:host";

describe("back, and not as it should be", () => {
  const ssh = { name: "ssh.service", isOld: false, port: 22 };
  const REBOOTED = "reboot host: it rebooted, but ";
  test.each<[string, RebootWorldOptions, string, string]>([
    [
      "another kernel came up",
      { host: { reboots: { bootsInto: "6.1.0-1-amd64" } } },
      "wrong-kernel",
      `${REBOOTED}it came up with kernel 6.1.0-1-amd64 instead of 6.1.0-2-amd64`,
    ],
    [
      "a kernel that nobody expected, where none was known",
      { order: rebootOrder({ mode: "always" }), host: { reboots: { kernel: UNKNOWN, bootsInto: "6.19.0" } } },
      "wrong-kernel",
      `${REBOOTED}it came up with kernel 6.19.0 instead of 6.18.44, which ran before`,
    ],
    [
      "a unit failed",
      { host: { units: [{ ...ssh, boot: "fails" }] } },
      "units-failed",
      `${REBOOTED}ssh.service failed since`,
    ],
    [
      "nobody listens where somebody did",
      { host: { units: [{ ...ssh, boot: "does-not-listen" }] } },
      "units-failed",
      `${REBOOTED}nobody listens on tcp 22 any more, as somebody did before`,
    ],
    [
      "services are still being started when the time is up",
      { host: { reboots: { startsForMs: 1_200_000 } } },
      "step-failed",
      `${REBOOTED}its services are still being started 1170s after it was back`,
    ],
    [
      "something still runs old code, whatever it needs",
      { host: { units: [{ ...ssh, boot: "is-old" }] } },
      "findings-left",
      "1 finding is left that something automatic would replace",
    ],
  ])("%s", async (_name, options, code, message) => {
    const world = rebootWorld(options);
    const done = await rebooted(world);
    expect(done.ending).toMatchObject({ result: "failed", code, message });
    expect(world.host.effects).toEqual([REBOOT]);
    expect(done.proof?.host.bootId).toBe("boot-2");
  });

  test("it went down once more before it was proved", async () => {
    const world = rebootWorld();
    expect(await world.live()).toBeNull();
    const stop = new AbortController();
    const settling = { ...world.clock, sleep: async () => Promise.reject(stop.abort(new Error("TERM"))) };
    expect(await world.live({ clock: settling, signal: stop.signal })).toBeNull();
    world.host.reboot();
    const done = await world.live();
    const message = `${REBOOTED}it went down once more after it was back (boot boot-3)`;
    expect(done?.ending).toMatchObject({ result: "failed", code: "second-boot", message });
    expect(world.host.effects).toEqual([REBOOT]);
  });
});

describe("back, and as it should be", () => {
  const late = { name: "ssh.service", isOld: false, port: 22, boot: "listens-late" } as const;
  test.each<[string, RebootWorldOptions]>([
    ["a service that listens some seconds after everything settled", { host: { units: [late] } }],
    [
      "a service that had failed before",
      { host: { units: [{ name: "broken.service", isOld: false, isFailed: true, boot: "fails" }] } },
    ],
    [
      "the same kernel, where nobody knows which one comes up and a person ordered it",
      { order: rebootOrder({ mode: "always" }), host: { reboots: { kernel: UNKNOWN } } },
    ],
    [
      "with nothing old at all, as ordered",
      {
        order: rebootOrder({ mode: "always" }),
        host: { reboots: { kernel: { running: "6.1.0-2", expected: "6.1.0-2" } } },
      },
    ],
    [
      "with something left for a person, though a reboot was ordered",
      { order: rebootOrder({ mode: "always" }), host: { residue: ["tmux"] } },
    ],
    ["a slow one", { host: { reboots: { startsForMs: 1_100_000 } } }],
  ])("%s", async (_name, options) => {
    const world = rebootWorld(options);
    expect((await rebooted(world)).ending).toMatchObject({ result: "verified", code: "" });
  });

  test.each([
    ["forward by a day", 86_400_000],
    ["back by a day", -86_400_000],
    ["to 1970", -1_700_000_000_000],
  ])("with a clock that was set %s while it was down", async (_name, ms) => {
    const world = rebootWorld({ host: { reboots: { startsForMs: 200_000 } } });
    const done = await rebooted(world, ({ clock }) => clock.step(ms));
    expect(done.ending).toMatchObject({ result: "verified", code: "" });
  });
});

describe("user space alone", () => {
  const soft = rebootOrder({ mode: "always", method: "soft-reboot" });
  const reboots = {
    kernel: { running: "6.1.0-1", expected: "6.1.0-1" },
    countsSoftReboots: true,
    onBoot: () => {},
  } as const;

  test("is proved by its count, for the boot id stays", async () => {
    const world = rebootWorld({ order: soft, host: { reboots } });
    const done = await rebooted(world);
    expect(done.ending.result).toBe("verified");
    expect([world.host.reboots.boot, world.host.reboots.softReboots]).toEqual([1, 1]);
  });

  test("leaves an old kernel to a person, and is proved nevertheless", async () => {
    const old = { ...reboots, kernel: { running: "6.1.0-1", expected: "6.1.0-2" } };
    const done = await rebooted(rebootWorld({ order: soft, host: { reboots: old } }));
    expect(done.ending).toMatchObject({ result: "verified", code: "", residue: ["kernel"] });
  });

  test("and once more before it was proved, is no proof", async () => {
    const world = rebootWorld({ order: soft, host: { reboots } });
    await world.live();
    const stop = new AbortController();
    const sleep = async () => Promise.reject(stop.abort(new Error("TERM")));
    await world.live({ clock: { ...world.clock, sleep }, signal: stop.signal });
    world.host.reboot(true);
    expect((await world.live())?.ending.code).toBe("second-boot");
  });
});
