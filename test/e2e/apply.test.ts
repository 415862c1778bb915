import { afterAll, beforeAll, expect, test } from "vitest";
import type { Scan } from "@afterpatch/core/scan";
import { describeLab } from "../lab/describe.ts";
import { upgradeImapd, upgradeLibssl } from "../lab/errata.ts";
import { exec, execOk, type Host, spawnInside } from "../lab/host.ts";
import { down, hostOf, type Lab, up } from "../lab/lab.ts";
import { openSession, type Session } from "../lab/session.ts";
import { type Payload, stagePayload } from "./payload.ts";

const name = `apply-${process.pid % 1000}`;

interface Applied {
  readonly steps: readonly { readonly id: string; readonly outcome: string }[];
  readonly proof: { readonly findingsLeft: readonly unknown[]; readonly residue: readonly unknown[] };
}

await describeLab("apply on a host without a controller", () => {
  let payload: Payload;
  let lab: Lab;
  let host: Host;
  let old: Session;
  let fresh: Session;

  beforeAll(async () => {
    payload = await stagePayload();
    lab = await up({ name, hosts: 1, payload: payload.directory });
    host = hostOf(lab, 1);
    await execOk(host, ["ln", "-s", "/opt/afterpatch/bin/afterpatch-agent", "/usr/bin/afterpatch-agent"]);
    old = await openSession(lab, host, 143);
    await upgradeLibssl(host);
    await upgradeImapd(host);
    fresh = await openSession(lab, host, 143);
  });
  afterAll(async () => {
    await old?.close();
    await fresh?.close();
    await down(name);
    await payload?.remove();
  });

  const agent = (...args: readonly string[]) => exec(host, ["afterpatch-agent", ...args], { timeoutMs: 120_000 });

  test("without --yes and a terminal it does nothing and says so", async () => {
    const { code, stderr } = await agent("apply");
    expect(code).toBe(5);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect((await agent("scan", "--exit-code")).code).toBe(10);
  });

  test("--dry-run shows the steps, smallest first, and takes none", async () => {
    const { code, stdout } = await agent("apply", "--dry-run", "-o", "json");
    expect(code).toBe(0);
    const ids = (JSON.parse(stdout) as Applied).steps.map((step) => step.id);
    expect(ids[0]).toBe("end-session:imap");
    expect(ids.at(-1)).toBe("reexec:init");
    expect(old.isOpen()).toBe(true);
  });

  test("--service ends the old sessions of that service alone", async () => {
    const { code, stdout } = await agent("apply", "--service", "imap", "--settle", "1s", "--yes", "-o", "json");
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Applied).steps).toMatchObject([{ id: "end-session:imap", outcome: "done" }]);
    await old.ended();
    expect(await fresh.ask("a1 NOOP")).toContain("a1");
  });

  test("killed in the middle, the next apply goes on, and each service was restarted once", async () => {
    const first = await spawnInside(host, ["afterpatch-agent", "apply", "--settle", "1s", "--yes"]);
    let said = "";
    for await (const text of first.stdout ?? []) {
      said += String(text);
      if (/^done +restart-service ssh\.service/m.test(said)) break;
    }
    await execOk(host, ["pkill", "-KILL", "-f", "afterpatch-agent.mjs apply"]);
    const { code, stdout } = await agent("apply", "--settle", "1s", "--yes", "-o", "json");
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Applied).proof.findingsLeft).toEqual([]);
    const starts = await execOk(host, ["journalctl", "-u", "ssh.service", "-o", "cat", "--no-pager"]);
    expect(starts.match(/^Started ssh\.service/gm)?.length).toBe(2); // at boot, and now
  });

  test("afterwards only residue is left, by name", async () => {
    const { code, stdout } = await agent("apply", "--yes", "-o", "json", "--fail-on-residue");
    expect(code).toBe(4);
    const { steps, proof } = JSON.parse(stdout) as Applied;
    expect(steps).toEqual([]);
    expect(proof.residue).toHaveLength(1);
    const { findings } = JSON.parse((await agent("scan", "-o", "json")).stdout) as Scan;
    expect(findings.map((finding) => finding.owner.name)).toEqual(["systemd-logind.service"]);
  });

  test.each([
    [["apply", "--unit", "nosuch.service", "--yes"], 6],
    [["apply", "--service", "nosuch", "--yes"], 6],
    [["apply", "--grace", "soon", "--yes"], 5],
    [["apply", "--only", "everything", "--yes"], 5],
  ])("%j ends with %i and one line", async (args, expected) => {
    const { code, stderr } = await agent(...args);
    expect(code).toBe(expected);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(/^afterpatch-agent: .+: .+; .+/);
  });

  test("run by a unit that would have to be restarted, it leaves that unit alone and says so", async () => {
    const script = `
      [ -e /root/ran ] && exec sleep 1000
      touch /root/ran
      cp /bin/sleep /opt/nap && /opt/nap 1000 &
      until pgrep -x nap; do sleep 0.1; done
      cp /bin/cat /opt/nap.new && mv /opt/nap.new /opt/nap
      afterpatch-agent apply --unit runner.service --settle 1s --yes -o json >/root/apply.json
      echo $? >/root/apply.code
      exec sleep 1000`;
    await execOk(host, ["sh", "-c", "cat >/root/job"], { input: script });
    await execOk(host, ["systemd-run", "--quiet", "--unit=runner.service", "sh", "/root/job"]);
    const code = async () => (await exec(host, ["cat", "/root/apply.code"])).stdout.trim();
    await expect.poll(code, { timeout: 60_000 }).toBe("3");
    const { steps } = JSON.parse(await execOk(host, ["cat", "/root/apply.json"])) as Applied;
    expect(steps).toMatchObject([{ id: "restart-service:runner.service", outcome: "vetoed" }]);
  });
});
