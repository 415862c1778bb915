import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LabFleet, type Ran } from "../e2e/fleet.ts";
import { describeLab } from "./describe.ts";
import { exec, execOk, type Host } from "./host.ts";
import { bringDaemon, property, put, startDaemons, upgradeDaemons } from "./remedies/services.ts";

const FILE = "/etc/afterpatch/agent.yaml";
const UNIT = "shop.service";
const patient = { timeout: 45_000, interval: 200 };

interface Rollout {
  readonly id: string;
  readonly state: string;
  readonly why: string;
  readonly hosts: readonly {
    readonly state: string;
    readonly reason: string;
    readonly residue: readonly string[];
    readonly steps: readonly { readonly outcome: string; readonly evidence: string }[];
  }[];
}

await describeLab("what an agent's file forbids is not done, by nobody", () => {
  let fleet: LabFleet;
  let denied: Host;
  let held: Host;
  let other: Host;
  /** A rollout over the denied host, left alone until it ends by itself. */
  let leftAlone: Promise<Ran>;
  let before: string;

  beforeAll(async () => {
    fleet = await LabFleet.make(`file-${process.pid % 1000}`, 3, () => {});
    [denied, held, other] = fleet.hosts as [Host, Host, Host]; // three were ordered
    await Promise.all(
      fleet.hosts.map(async (host) => {
        await bringDaemon(host);
        await startDaemons(host, [{ name: "shop" }]);
        await upgradeDaemons(host, "shop");
      }),
    );
    await put(denied, "/etc/afterpatch/deny", "the migration of the shop, ask Ann\n", "644");
    before = await invocation(denied);
    const order = ["rollout", "start", denied.name, "--reason", "DSA-6001", "--yes", "-o", "json"];
    leftAlone = fleet.cli(...order);
  });
  afterAll(async () => {
    await leftAlone?.catch(() => {}); // its host may be gone before it
    await fleet?.remove();
  });

  const file = (host: Host, text: string) => put(host, FILE, text, "644");

  /** The host in a rollout over it alone, once it has vetoed; the rollout is aborted then. */
  async function inRollout(host: Host): Promise<Rollout["hosts"][number] | undefined> {
    const order = ["rollout", "start", host.name, "--reason", "DSA-6001", "--yes", "--detach", "-o", "json"];
    const { id } = JSON.parse(await fleet.cliOk(...order)) as Rollout;
    await expect.poll(async () => (await status(id)).hosts[0]?.state, patient).toMatch(/^(vetoed|failed|done)/);
    const { hosts } = await status(id);
    await fleet.cliOk("rollout", "abort", id, "--reason", "seen");
    return hosts[0];
  }

  async function status(id: string): Promise<Rollout> {
    return JSON.parse((await fleet.cli("rollout", "status", id, "-o", "json")).stdout) as Rollout;
  }

  /** Neither a controller nor a person on the host gets past it, and both are told why in the same words. */
  async function isHeldOff(host: Host, code: string, words: RegExp, name = UNIT): Promise<void> {
    const unit = await property(host, name, "InvocationID");
    const seen = await inRollout(host);
    expect(seen).toMatchObject({ state: "vetoed", reason: expect.stringMatching(words) });
    expect(seen?.reason.split(": ", 1)).toEqual([code]);
    const applied = await apply(host);
    expect(said(applied)).toMatch(words);
    expect(applied.code).toBe(3);
    expect(await property(host, name, "InvocationID")).toBe(unit);
  }

  test("an invalid file: scan only, with the place of the mistake wherever somebody looks", async () => {
    await file(other, "settle: 0s\ngrace: soon\n");
    const unit = await invocation(other);
    const place = `${FILE}:2: grace: `;
    const applied = await apply(other);
    expect([applied.code, applied.stderr]).toEqual([5, expect.stringContaining(place)]);
    const scan = JSON.parse(await execOk(other, ["afterpatch-agent", "scan", "--format", "json"])) as Scan;
    expect(scan.findings.map((finding) => finding.owner.name)).toContain(UNIT);
    expect(scan.config).toMatchObject({ verdict: "invalid", why: expect.stringContaining(place) });
    const nagios = await exec(other, ["afterpatch-agent", "scan", "--format", "nagios"]);
    expect([nagios.code, nagios.stdout]).toEqual([2, expect.stringContaining(place)]);
    const metrics = await execOk(other, ["afterpatch-agent", "scan", "--format", "openmetrics"]);
    expect(metrics).toContain("\nafterpatch_config_valid 0\n");
    await fleet.cliOk("scan", other.name);
    expect(await fleet.cliOk("status", other.name, "--by", "host")).toContain(
      `\n${other.name}: the agent's file is invalid, nothing is done: ${place}`,
    );
    expect(await invocation(other)).toBe(unit);
  });

  test("a permit is refused while it is invalid, and tried again once it is mended", async () => {
    const unit = await invocation(other);
    const order = ["rollout", "start", other.name, "--reason", "DSA-6001", "--yes", "--detach", "-o", "json"];
    const { id } = JSON.parse(await fleet.cliOk(...order)) as Rollout;
    const host = async () => (await status(id)).hosts[0];
    await expect
      .poll(host, patient)
      .toMatchObject({ state: "vetoed", reason: expect.stringContaining(`config: ${FILE}:2: grace: `) });
    expect(await invocation(other)).toBe(unit);
    await file(other, "settle: 0s\n");
    await expect.poll(async () => (await status(id)).state, patient).toBe("finished");
    expect((await host())?.steps).toMatchObject([{ outcome: "done" }]);
    expect(await invocation(other)).not.toBe(unit);
  });

  test("a cap of restarts in an hour counts those of permits", async () => {
    await upgradeDaemons(other, "shop");
    await file(other, "caps: { restartsPerHour: 1 }\n");
    const words = /1 restart in the last hour, and caps\.restartsPerHour is 1/;
    const unit = await invocation(other);
    const seen = await inRollout(other);
    expect(seen).toMatchObject({ state: "vetoed", reason: expect.stringMatching(words) });
    expect(seen?.steps).toMatchObject([{ outcome: "vetoed", evidence: expect.stringMatching(words) }]);
    const applied = await apply(other);
    expect([applied.code, said(applied)]).toEqual([3, expect.stringMatching(words)]);
    expect(await invocation(other)).toBe(unit);
  });

  test("a unit that its start limit would leave stopped", async () => {
    await startDaemons(other, [{ name: "limited", unit: "StartLimitBurst=1\nStartLimitIntervalSec=1h" }]);
    await upgradeDaemons(other, "limited");
    await file(other, "units: { protected: [shop] }\n");
    const words =
      /one more start of limited\.service would exceed its limit \(1 start in 3600 s\) and leave it stopped/;
    await isHeldOff(other, "step-failed", words, "limited.service");
  });

  test("a closed window, with its next opening", async () => {
    const opens = new Date(Date.now() + 6 * 3_600_000).toISOString().slice(11, 16);
    await file(held, `windows: [{ start: "${opens}", duration: 1h }]\n`);
    const words = `outside of every window \\(windows\\); the next one opens [a-z]{3} \\d{4}-\\d\\d-\\d\\d ${opens} UTC`;
    await isHeldOff(held, "window", new RegExp(words));
  });

  test("a lock against shutdown, and not where the file says that it does not count", async () => {
    await file(held, "");
    const lock = [
      "systemd-inhibit",
      "--what=shutdown",
      "--mode=block",
      "--who=backup",
      "--why=nightly backup",
      "sleep",
      "600",
    ];
    await execOk(held, ["systemd-run", "--quiet", "--unit=backup", ...lock]);
    await expect
      .poll(async () => (await exec(held, ["grep", "-rqs", "nightly", "/run/systemd/inhibit"])).code, patient)
      .toBe(0);
    await isHeldOff(held, "inhibited", /backup \(pid \d+\) holds off shutdown: nightly backup/);
    await file(held, "vetoes: { inhibitors: false }\nsettle: 0s\n");
    const unit = await invocation(held);
    expect((await apply(held)).code).toBe(0);
    expect(await invocation(held)).not.toBe(unit);
    await execOk(held, ["systemctl", "stop", "backup.service"]);
    await upgradeDaemons(held, "shop");
  });

  test("a package that is half configured", async () => {
    await file(held, "");
    const set = (from: string, to: string) =>
      execOk(held, [
        "perl",
        "-0777",
        "-pi",
        "-e",
        `s/(Package: xinetd\\nStatus: install ok )${from}/$1${to}/`,
        "/var/lib/dpkg/status",
      ]);
    await set("installed", "half-configured");
    await isHeldOff(held, "transaction", /package xinetd is half-configured; see dpkg --audit/);
    await set("half-configured", "installed");
  });

  test("a hook of the host", async () => {
    await put(held, "/usr/local/sbin/quorum", "#!/bin/sh\necho 'only 2 of 3 nodes are up'\nexit 1\n", "755");
    await file(held, "hooks:\n  beforeApply:\n    - { name: quorum, command: [/usr/local/sbin/quorum] }\n");
    await isHeldOff(held, "hook-vetoed", /hook quorum \(beforeApply\): exited 1: only 2 of 3 nodes are up/);
  });

  test("a protected unit is in no plan, and left over with the rule", async () => {
    await file(held, "units: { protected: [shop] }\n");
    const unit = await invocation(held);
    const rule = /the agent's file protects shop\.service \(units\.protected: shop/;
    await fleet.cliOk("scan", held.name);
    const plan = await fleet.cliOk("plan", held.name);
    expect(plan).toMatch(rule);
    expect(plan).not.toContain(`restart-service ${UNIT}`);
    const applied = await apply(held);
    expect([applied.code, applied.document?.steps, applied.document?.proof?.residue]).toEqual([
      0,
      [],
      [expect.objectContaining({ reason: expect.stringMatching(rule) })],
    ]);
    expect(await invocation(held)).toBe(unit);
  });

  test("a deny file: a rollout that is left alone tries three times, halts and says whose word it was", async () => {
    const words = "denied: /etc/afterpatch/deny exists: the migration of the shop, ask Ann";
    const { code, stdout } = await leftAlone;
    const { state, why, hosts } = JSON.parse(stdout) as Rollout;
    expect([code, state, why]).toEqual([3, "halted", `vetoed on the host: ${denied.name} (${words})`]);
    expect(hosts).toMatchObject([{ state: "vetoed", reason: words }]);
    const applied = await apply(denied);
    expect([applied.code, said(applied)]).toEqual([3, words.slice("denied: ".length)]);
    expect(await invocation(denied)).toBe(before);
  });
});

function invocation(host: Host): Promise<string> {
  return property(host, UNIT, "InvocationID");
}

interface Applied {
  readonly code: number;
  readonly stderr: string;
  /** Null where it said none. */
  readonly document: ApplyDocument | null;
}

async function apply(host: Host): Promise<Applied> {
  const { code, stdout, stderr } = await exec(host, ["afterpatch-agent", "apply", "--yes", "-o", "json"]);
  return { code, stderr, document: stdout === "" ? null : (JSON.parse(stdout) as ApplyDocument) }; // checked against its schema elsewhere
}

/** Why it was not done. */
function said({ document, stderr }: Applied): string {
  return document?.ending.message ?? stderr;
}
