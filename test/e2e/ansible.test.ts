import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../deploy/bundling.ts";
import { must } from "../lab/commands.ts";
import { describeLab } from "../lab/describe.ts";
import { exec, execOk, type Host } from "../lab/host.ts";
import { down, hostOf, type Lab, up } from "../lab/lab.ts";
import { execOnSwitch } from "../lab/switch.ts";
import { PackagedController } from "./packaged-controller.ts";
import { executableOf, type Packages, stagePackages } from "./packages.ts";

const IDENTITY = "/var/lib/afterpatch/agent/identity";
const patient = { timeout: 60_000, interval: 500 };

for (const init of ["systemd", "sysvinit"] as const) {
  const name = `ansible-${init}-${process.pid}`;

  await describeLab(`the Ansible role on a host with ${init}`, () => {
    let packages: Packages;
    let lab: Lab;
    let host: Host;
    let controller: PackagedController;
    let control: string;

    beforeAll(async () => {
      packages = await stagePackages("deb", 0);
      lab = await up({ name, hosts: 1, init, packages: ["python3", "python3-apt"] });
      host = hostOf(lab, 1);
      controller = await PackagedController.start(lab);
      control = await controlMachine();
    });
    afterAll(async () => {
      await controller?.remove();
      await down(name);
      await packages?.remove();
      if (control) await rm(control, { recursive: true, force: true });
    });

    /** A home directory with a key that opens the host, and `afterpatch` on its path. */
    async function controlMachine(): Promise<string> {
      const home = await mkdtemp(join(tmpdir(), "ap-ansible-"));
      const key = join(home, "key");
      await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
      const script = "mkdir -p -m 0700 /root/.ssh && cat >/root/.ssh/authorized_keys";
      await execOk(host, ["sh", "-euc", script], { input: await readFile(`${key}.pub`) });
      await mkdir(join(home, "bin"));
      await symlink(executableOf("afterpatch"), join(home, "bin/afterpatch"));
      const vars = {
        ansible_ssh_private_key_file: key,
        ansible_user: "root",
        afterpatch_agent_controller: "ctl.example.net:7444",
        afterpatch_agent_package_file: join(packages.directory, `afterpatch-agent_${packages.version}_amd64.deb`),
        afterpatch_agent_labels: { role: "web", zone: "a" },
        afterpatch_agent_config: "units:\n  protected: [postgresql*]\n",
      };
      const inventory = {
        all: { children: { web: { hosts: { [host.name]: { ansible_host: host.address } }, vars } } },
      };
      await writeFile(join(home, "inventory.yml"), JSON.stringify(inventory));
      return home;
    }

    const play = (...words: readonly string[]) => {
      const argv = [
        "ansible-playbook",
        "-i",
        join(control, "inventory.yml"),
        join(ROOT, "deploy/ansible/site.yml"),
        ...words,
      ];
      const env = {
        PATH: `${join(control, "bin")}:${process.env.PATH ?? ""}`,
        HOME: control,
        LANG: "C.UTF-8",
        ANSIBLE_HOST_KEY_CHECKING: "False",
        ANSIBLE_SSH_ARGS: "-o UserKnownHostsFile=/dev/null -o ControlMaster=auto -o ControlPersist=5s",
        ANSIBLE_PIPELINING: "1",
        ANSIBLE_NOCOLOR: "1",
        AFTERPATCH_CREDENTIALS: controller.credentials,
      };
      return execOnSwitch(lab, argv, { env, timeoutMs: 300_000 });
    };
    const recap = (stdout: string) =>
      /^web01\s+: ok=\d+ +(changed=\d+ +unreachable=\d+ +failed=\d+)/m.exec(stdout)?.[1];
    const isThere = async (path: string) => (await exec(host, ["test", "-e", path])).code === 0;
    const isActive = async () => (await exec(host, ["service", "afterpatch-agent", "status"])).code;

    describe("a host without an agent", () => {
      test("in check mode nothing is done", async () => {
        const { code, stdout } = await play("--check", "--diff");
        expect(`${code} ${recap(stdout)}`).toMatch(/^0 changed=\d+ +unreachable=0 +failed=0$/);
        expect(await isThere("/usr/bin/afterpatch-agent")).toBe(false);
        expect(await controller.status()).toEqual([]);
      });

      test("a token that is none is one clear failure, and the host is not enrolled", async () => {
        const { code, stdout } = await play("-e", JSON.stringify({ afterpatch_agent_token: "nothing of the kind" }));
        expect(code).toBe(2);
        expect(recap(stdout)).toContain("failed=1");
        expect(stdout).toMatch(/afterpatch-agent: .*token/);
        expect(stdout).not.toContain("nothing of the kind");
        expect(await isThere(IDENTITY)).toBe(false);
        expect(await isThere("/usr/bin/afterpatch-agent")).toBe(true);
      });

      test("it is enrolled with a token of its own, started and connected", async () => {
        const { code, stdout } = await play("--diff");
        expect(`${code} ${recap(stdout)}`).toMatch(/^0 changed=\d+ +unreachable=0 +failed=0$/);
        const hosts = async () => (await controller.status()).map(({ name: one, state }) => `${one} ${state}`);
        await expect.poll(hosts, patient).toEqual(["web01 connected"]);
        expect(await isActive()).toBe(0);
        expect(await controller.cliOk("hosts", "list", "role=web,&zone=a")).toContain("web01");
        expect(await execOk(host, ["cat", "/etc/afterpatch/agent.yaml"])).toBe("units:\n  protected: [postgresql*]\n");
        expect(stdout).not.toContain("secret");
      });
    });

    describe("a host with an agent", () => {
      test("a second run changes nothing", async () => {
        const { code, stdout } = await play();
        expect(`${code} ${recap(stdout)}`).toMatch(/^0 changed=0 +unreachable=0 +failed=0$/);
      });

      test("an agent.yaml with a mistake is refused, and the one in force stays", async () => {
        const { code, stdout } = await play("-e", JSON.stringify({ afterpatch_agent_config: "unit: {}\n" }));
        expect(code).toBe(2);
        expect(stdout).toMatch(/unit/);
        expect(await execOk(host, ["cat", "/etc/afterpatch/agent.yaml"])).toContain("postgresql*");
      });

      test("another agent.yaml is read by the agent that runs, which is not restarted", async () => {
        const agent = async () => (await execOk(host, ["pgrep", "-f", "afterpatch-agent run"])).trim();
        const before = await agent();
        const { code, stdout } = await play(
          "-e",
          JSON.stringify({ afterpatch_agent_config: "units:\n  protected: [cron]\n" }),
        );
        expect(`${code} ${recap(stdout)}`).toMatch(/^0 changed=2 /);
        expect(await agent()).toBe(before);
        expect(await execOk(host, ["afterpatch-agent", "config", "check"])).toContain("cron");
      });
    });
  });
}
