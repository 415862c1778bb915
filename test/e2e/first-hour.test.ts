import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../../deploy/bundling.ts";
import { describeLab } from "../lab/describe.ts";
import { upgradeLibssl } from "../lab/errata.ts";
import { exec, execOk, type Host } from "../lab/host.ts";
import { down, type Lab, up } from "../lab/lab.ts";
import { type Packages, stagePackages } from "./packages.ts";

const name = `first-hour-${process.pid}`;
const patient = { timeout: 90_000, interval: 500 };
const HERE = "/opt/afterpatch-packages";

interface Block {
  /** A host's name, or `upgrade`. */
  readonly where: string;
  readonly isAfterUpgrade: boolean;
  readonly commands: readonly string[];
}

/** What the guide has people type, in its order: blocks that say on which machine. */
async function blocks(): Promise<readonly Block[]> {
  const guide = await readFile(join(ROOT, "docs/first-hour.md"), "utf8");
  return [...guide.matchAll(/^```sh (\w+)( after-upgrade)?\n([\s\S]*?)^```$/gm)].map(
    ([, where = "", after, text = ""]) => ({
      where,
      isAfterUpgrade: after !== undefined,
      commands: text.trim().split("\n"),
    }),
  );
}

await describeLab("docs/first-hour.md, as it is printed", () => {
  let packages: Packages;
  let lab: Lab;

  beforeAll(async () => {
    packages = await stagePackages("deb", 0);
    lab = await up({ name, hosts: ["hub", "web01", "web02"], payload: packages.directory });
    // apt wants the packages where it can write beside them.
    for (const host of lab.hosts) await execOk(host, ["sh", "-c", `mkdir ${HERE} && cp /opt/afterpatch/*.deb ${HERE}`]);
  });
  afterAll(async () => {
    await down(name);
    await packages?.remove();
  });

  const hostNamed = (called: string) => lab.hosts.find((host) => host.name === called);
  const said = new Map<string, string[]>();

  async function type(host: Host, command: string): Promise<void> {
    const script = `export HOME=/root; cd ${HERE}; ${command}`;
    const { code, stdout, stderr } = await exec(host, ["bash", "-euc", script], { timeoutMs: 300_000 });
    expect(`${host.name} $ ${command}: ${code} ${code === 0 ? "" : `${stdout}${stderr}`}`).toMatch(/: 0 $/);
    said.set(command, [...(said.get(command) ?? []), stdout]);
    // As one would bring it.
    if (command.includes("--out join.token")) {
      const token = await execOk(host, ["cat", `${HERE}/join.token`]);
      for (const other of lab.hosts.slice(1))
        await execOk(other, ["sh", "-c", `umask 077; cat >${HERE}/join.token`], { input: token });
    }
  }

  async function carryOut({ where, isAfterUpgrade, commands }: Block): Promise<void> {
    if (where === "upgrade") {
      for (const host of lab.hosts.slice(1)) await upgradeLibssl(host);
      return;
    }
    const host = hostNamed(where);
    if (!host) throw new Error(`the guide names ${where}, which is no machine of it`);
    if (isAfterUpgrade) {
      const status = async () => (await exec(host, ["sh", "-c", "HOME=/root afterpatch status"])).stdout;
      await expect.poll(status, patient).toMatch(/ssh\.service +replaced +restart-service +2 /);
    }
    for (const command of commands) await type(host, command);
  }

  test("every command does what it says", async () => {
    for (const block of await blocks()) {
      if (block.commands.some((command) => command.includes('--serial 1 --reason "libssl3"')))
        expect(said.get("afterpatch plan role=web --serial 1")?.[0]).toContain("restart-service ssh.service");
      await carryOut(block);
    }
    expect(said.get("afterpatch status")).toHaveLength(4);
    expect(said.get("afterpatch hosts role=web")?.[0]).toMatch(/web01[\s\S]*web02/);
    expect(said.get("afterpatch report")?.[0]).toMatch(/ssh\.service/);
    expect([...said.entries()].at(-1)?.[1][0]).toContain("Nothing to do");
    expect(said.get("afterpatch status")?.at(-1)).not.toMatch(/ssh\.service/);
  });
});
