import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import type { Versions } from "./base.ts";
import { describeLab } from "./describe.ts";
import { installedVersion, upgradeLibssl } from "./errata.ts";
import { execOk, type Host } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";

const name = `versions-${process.pid}`;
const library = "/usr/lib/x86_64-linux-gnu/libcrypto.so.3";

await describeLab("the package of a library that Debian's security upgrade of libssl3 replaced", () => {
  let payload: Payload;
  let host: Host;
  let agent: Agent;
  let versions: Versions;
  let between: readonly [number, number];

  beforeAll(async () => {
    payload = await stagePayload();
    host = hostOf(await up({ name, hosts: 1, payload: payload.directory }), 1);
    agent = agentOn(host);
    await execOk(host, ["mkdir", "-p", "/var/lib/afterpatch/agent"]);
    expect((await agent.json<Scan>("scan")).findings).toEqual([]); // and the inventory has the old build-ids now
    // dpkg.log counts in seconds: the upgrade is to be in a later one than the start of sshd.
    await execOk(host, ["sh", "-c", 'until [ "$(date +%s)" -gt "$(stat -c %Y /run/sshd.pid)" ]; do sleep 0.1; done']);
    const before = Date.now();
    versions = await upgradeLibssl(host);
    between = [before, Date.now()];
  });
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  const packageOf = async (...args: readonly string[]) => {
    const { findings } = await agent.json<Scan>("scan", ...args);
    const ssh = findings.find(({ owner }) => owner.name === "ssh.service");
    return ssh?.files.find(({ path }) => path === library)?.package;
  };

  /** What a scan says while the package logs are changed by a shell text that runs beside them. */
  const withLogs = async (change: string, ...args: readonly string[]) => {
    await execOk(host, ["sh", "-euc", `cp -a /var/log /root/log; cd /var/log; ${change}`]);
    try {
      return await packageOf(...args);
    } finally {
      await execOk(host, ["sh", "-euc", "rm /var/log/dpkg.log*; mv /root/log/dpkg.log /var/log; rm -r /root/log"]);
    }
  };

  test("with an inventory: both versions, and when the new one was installed", async () => {
    expect(await installedVersion(host, "libssl3")).toBe(versions.newest);
    // Emptied, so that nothing else can tell.
    const found = await withLogs(": >dpkg.log");
    const { old: from, newest: to } = versions;
    expect(found).toEqual({ name: "libssl3", from, to, installedAt: expect.any(Number) });
    expect(found?.installedAt).toBeGreaterThanOrEqual(between[0] - 1000);
    expect(found?.installedAt).toBeLessThanOrEqual(between[1] + 1000);
  });

  test.each([
    ["as it is", ":"],
    ["when it was rotated since", "mv dpkg.log dpkg.log.1"],
    ["when it was rotated and packed since", "gzip <dpkg.log >dpkg.log.2.gz; : >dpkg.log.1; : >dpkg.log"],
  ])("without one: the old version as dpkg.log has it, %s", async (_name, change) => {
    const { old: from, newest: to } = versions;
    expect(await withLogs(change, "--state-dir", "/nonexistent")).toMatchObject({ name: "libssl3", from, to });
  });

  test.each([
    ["there is no log", "mv dpkg.log dpkg.log.elsewhere"],
    [
      "it begins with the upgrade, long after sshd was started",
      "tac /root/log/dpkg.log | sed '/ startup archives /q' | tac >dpkg.log",
    ],
    ["it does not know of the upgrade", "sed -i '/ libssl3:/{/upgrade/d}' dpkg.log"],
  ])("without one the old version is not guessed: %s", async (_name, change) => {
    const found = await withLogs(change, "--state-dir", "/nonexistent");
    expect(found).toMatchObject({ name: "libssl3", from: null, to: versions.newest });
  });
});
