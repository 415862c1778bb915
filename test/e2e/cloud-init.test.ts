import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { ROOT } from "../../deploy/bundling.ts";
import { describeLab } from "../lab/describe.ts";
import { exec, execOk, type Host } from "../lab/host.ts";
import { down, hostOf, type Lab, up } from "../lab/lab.ts";
import { spawnOnSwitch } from "../lab/switch.ts";
import { PackagedController } from "./packaged-controller.ts";
import { type Packages, stagePackages } from "./packages.ts";

const name = `cloud-init-${process.pid}`;
const patient = { timeout: 60_000, interval: 500 };

/** Serves one file. */
const SERVER = `require("node:http").createServer((_, answer) => answer.end(require("node:fs").readFileSync(process.argv[1])))
  .listen(8000, () => console.log("ready"))`;

interface UserData {
  readonly write_files: readonly { readonly path: string; readonly permissions: string; readonly content: string }[];
  readonly runcmd: readonly (readonly string[])[];
}

await describeLab("the user data for cloud-init", () => {
  let packages: Packages;
  let lab: Lab;
  let host: Host;
  let controller: PackagedController;
  let file: string;
  let userData: string;

  beforeAll(async () => {
    packages = await stagePackages("deb", 0);
    lab = await up({ name, hosts: 1, packages: ["cloud-init", "curl"] });
    host = hostOf(lab, 1);
    controller = await PackagedController.start(lab);
    file = join(packages.directory, `afterpatch-agent_${packages.version}_amd64.deb`);
    const server = await spawnOnSwitch(lab, [process.execPath, "-e", SERVER, file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => server.stdout?.once("data", resolve));
    const token = (await controller.cliOk("token", "create", "--label", "role=web")).trim();
    const checksum = createHash("sha256")
      .update(await readFile(file))
      .digest("hex");
    userData = (await readFile(join(ROOT, "deploy/cloud-init/afterpatch-agent.yaml"), "utf8"))
      .replace("PUT-THE-TOKEN-HERE", token.replaceAll("\n", "\n      "))
      .replace("PUT-THE-CHECKSUM-HERE", checksum)
      .replace("https://packages.example.net/", "http://ctl.example.net:8000/");
  });
  afterAll(async () => {
    await controller?.remove();
    await down(name);
    await packages?.remove();
  });

  /** What cloud-init does with these two keys. */
  async function carryOut({ write_files: files, runcmd }: UserData) {
    for (const { path, permissions, content } of files) {
      const script = 'mkdir -p "$(dirname "$1")"; umask 077; cat >"$1"; chmod "$2" "$1"';
      await execOk(host, ["sh", "-euc", script, "sh", path, permissions], { input: content });
    }
    const [command] = runcmd;
    return await exec(host, command ?? [], { timeoutMs: 120_000 });
  }

  test("is what cloud-init's own schema allows", async () => {
    await execOk(host, ["sh", "-c", "cat >/root/user-data"], { input: userData });
    expect(await execOk(host, ["cloud-init", "schema", "--config-file", "/root/user-data"])).toMatch(/valid/i);
    await execOk(host, ["sh", "-c", "sed 's/permissions: .*/permissions: 600/' /root/user-data >/root/wrong"]);
    expect((await exec(host, ["cloud-init", "schema", "--config-file", "/root/wrong"])).stdout).not.toMatch(/^Valid/m);
  });

  test("with another checksum nothing is installed, and no token is left", async () => {
    const wrong = userData.replace(/[0-9a-f]{64}(?= {2}afterpatch)/, "0".repeat(64));
    expect((await carryOut(parse(wrong))).code).not.toBe(0);
    expect((await exec(host, ["sh", "-c", "ls /usr/bin/afterpatch-agent /root/afterpatch"])).stdout).toBe("");
  });

  test("installs, enrols and starts the agent, and leaves no token", async () => {
    expect(await carryOut(parse(userData))).toMatchObject({ code: 0 });
    const hosts = async () => (await controller.status()).map(({ name: one, state }) => `${one} ${state}`);
    await expect.poll(hosts, patient).toEqual(["web01 connected"]);
    expect(await controller.cliOk("hosts", "role=web,&zone=a")).toContain("web01");
    expect((await exec(host, ["sh", "-c", "ls /root/afterpatch"])).stdout).toBe("");
  });
});
