import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { UsersDocument } from "@afterpatch/agent/look/users";
import type { Scan } from "@afterpatch/core/scan";
import { parseDebianChangelog } from "@afterpatch/core/cve/changelog";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { readBase, type Versions } from "./base.ts";
import { describeLab } from "./describe.ts";
import { upgradeLibssl } from "./errata.ts";
import { execOk, type Host } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";

const name = `cve-${process.pid}`;

await describeLab("a CVE that Debian fixed in libssl3, before the upgrade, after it, and after apply", () => {
  let payload: Payload;
  let host: Host;
  let agent: Agent;
  let versions: Versions;
  /** Named for the first time by the newest version. */
  let cve: string;
  /** Named by the version that is old here. */
  let older: string;

  beforeAll(async () => {
    payload = await stagePayload();
    host = hostOf(await up({ name, hosts: 1, payload: payload.directory }), 1);
    agent = agentOn(host);
    await execOk(host, ["mkdir", "-p", "/var/lib/afterpatch/agent"]);
    await agent.json<Scan>("scan"); // the inventory knows the old build now
    const base = await readBase(host.base);
    versions = base.libssl;
    const deb = join(base.debs, `libssl3_${versions.newest}.deb`);
    const tar = execFileSync("dpkg-deb", ["--fsys-tarfile", deb], { maxBuffer: 256 * 1024 * 1024 });
    const packed = execFileSync("tar", ["-xO", "./usr/share/doc/libssl3/changelog.Debian.gz"], { input: tar });
    const { entries } = parseDebianChangelog(gunzipSync(packed).toString("latin1"));
    const at = entries.findIndex(({ version }) => version === versions.old);
    cve = entries.slice(0, at).flatMap(({ cves }) => cves)[0] ?? "";
    older = entries.slice(at).flatMap(({ cves }) => cves)[0] ?? "";
    expect([cve, older]).toEqual([expect.stringMatching(/^CVE-/), expect.stringMatching(/^CVE-/)]);
  });
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  const users = (id: string) => agent.json<UsersDocument>("users", "--cve", id);
  const sshd = async () => Number(await execOk(host, ["systemctl", "show", "--value", "--property=MainPID", "ssh"]));
  const fixOf = (document: UsersDocument, pid: number) => [
    ...new Set(document.users.filter(({ process }) => process.pid === pid).map(({ file }) => file.fix)),
  ];

  test("before: nobody here can tell, and it does not say that all is well", async () => {
    const { code, stdout, stderr } = await agent.run("users", "--cve", cve);
    expect([code, stdout]).toEqual([6, ""]);
    expect(stderr).toMatch(new RegExp(`^afterpatch-agent: ${cve}: no changelog of a package on this host names it`));
    expect(fixOf(await users(older), await sshd())).toEqual(["present"]);
  });

  test("after the upgrade: who runs it without the fix", async () => {
    await upgradeLibssl(host);
    const document = await users(cve.toLowerCase());
    expect(document.fixes).toEqual([{ package: "libssl3", version: versions.newest, fixedIn: expect.any(String) }]);
    expect(fixOf(document, await sshd())).toEqual(["missing"]);
    expect(fixOf(document, 1)).toEqual(["missing"]);
    // What was fixed before that is in the old build, too.
    expect(fixOf(await users(older), await sshd())).toEqual(["present"]);
    const { findings } = await agent.json<Scan>("scan", "--cve", cve);
    expect(findings.map(({ owner }) => owner.name)).toEqual(expect.arrayContaining(["ssh.service", "systemd"]));
    for (const { files } of findings) expect(files.some(({ cves }) => cves?.includes(cve))).toBe(true);
    expect((await agent.json<Scan>("scan", "--cve", older)).findings).toEqual([]);
    expect((await agent.run("scan", "--cve", cve, "--exit-code")).code).toBe(10);
    expect((await agent.run("scan", "--cve", older, "--exit-code")).code).toBe(0);
    const { stdout } = await agent.run("users", "--cve", cve);
    expect(stdout).toMatch(new RegExp(`: ${cve} was fixed in libssl3 .*\nWithout the fix: \\d+ processes\\.\n`));
  });

  test("apply of another CVE leaves all as it is, and says that nothing runs without that fix", async () => {
    const before = await sshd();
    const { code, stdout } = await agent.run("apply", "--cve", older, "--yes");
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${older}: Nothing is known to run without its fix.`)]);
    expect(await sshd()).toBe(before);
  });

  test("after apply: whoever it may not restart unasked is without the fix still, and nobody once that was asked for", async () => {
    expect((await agent.run("apply", "--cve", cve.toLowerCase(), "--yes")).code).toBe(0);
    const left = await users(cve);
    const without = left.users.filter(({ file }) => file.fix !== "present").map(({ owner }) => owner.name);
    expect(new Set(without)).toEqual(new Set(["systemd-logind.service"]));
    expect(fixOf(left, await sshd())).toEqual(["present"]);

    expect((await agent.run("apply", "--unit", "systemd-logind.service", "--yes")).code).toBe(0);
    const document = await users(cve);
    expect(document.users.length).toBeGreaterThan(2);
    expect(new Set(document.users.map(({ file }) => file.fix))).toEqual(new Set(["present"]));
    expect((await agent.run("scan", "--cve", cve, "--exit-code")).code).toBe(0);
    expect((await agent.run("users", "--cve", cve)).stdout).toMatch(/\nWith the fix: \d+ processes\.\n/);
  });
});
