import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { built } from "../e2e/payload.ts";
import { type Finished, must } from "../lab/commands.ts";
import { down, type Lab, upNetwork } from "../lab/lab.ts";
import { until } from "../lab/processes.ts";
import { execOnSwitch, spawnOnSwitch } from "../lab/switch.ts";
import { ensureImage, type Image, packageOf } from "./image.ts";
import { Machine } from "./machine.ts";
import { makePayloadDisk } from "./payload.ts";

/** A virtual machine that has booted its older kernel, with an enrolled agent, and a controller outside of it. */
export class MachineFleet {
  readonly image: Image;
  readonly machine: Machine;
  readonly #lab: Lab;

  private constructor(lab: Lab, image: Image, machine: Machine) {
    this.#lab = lab;
    this.image = image;
    this.machine = machine;
  }

  /** What fails half-way is removed again. */
  static async make(name: string, say: (line: string) => void): Promise<MachineFleet> {
    const image = await ensureImage(say);
    const lab = await upNetwork(name);
    try {
      const payload = await makePayloadDisk(lab, [packageOf(image, image.newest)]);
      const fleet = new MachineFleet(lab, image, await Machine.make(lab, image, payload));
      await Promise.all([fleet.machine.switchOn(), fleet.#startController()]);
      await fleet.machine.booted();
      await fleet.#enrol();
      return fleet;
    } catch (error) {
      await down(name);
      throw error;
    }
  }

  /** Removes everything that `make` made. */
  async remove(): Promise<void> {
    await down(this.#lab.name);
  }

  /** The operator's command line. */
  cli(...args: readonly string[]): Promise<Finished> {
    const env = { PATH: process.env.PATH ?? "", AFTERPATCH_CREDENTIALS: join(this.#dataDir, "admin") };
    return execOnSwitch(this.#lab, [...built("cli", "afterpatch"), ...args], { env, timeoutMs: 800_000 });
  }

  /** The document that a command prints with `-o json`, and how it ended. */
  async cliJson<Document>(...args: readonly string[]): Promise<{ readonly code: number; readonly document: Document }> {
    const { code, stdout, stderr } = await this.cli(...args, "-o", "json");
    if (stdout === "") throw new Error(`afterpatch ${args.join(" ")}: exit ${code}: ${stderr}`);
    return { code, document: JSON.parse(stdout) as Document }; // the caller names the command's own document
  }

  get #dataDir(): string {
    return join(this.#lab.directory, "controller");
  }

  async #startController(): Promise<void> {
    await mkdir(this.#dataDir);
    const controller = built("controller", "afterpatch-controller");
    await must([
      "ip",
      "netns",
      "exec",
      this.#lab.switchNamespace,
      ...controller,
      "init",
      "--data-dir",
      this.#dataDir,
      "--name",
      "ctl.example.net",
    ]);
    await spawnOnSwitch(this.#lab, [...controller, "serve", "--data-dir", this.#dataDir], { stdio: "ignore" });
    await until("controller ready", 60_000, async () => {
      const { code } = await this.cli("status");
      return code === 4 ? undefined : true;
    });
  }

  async #enrol(): Promise<void> {
    const token = await this.cli("token", "create", "--label", "role=web");
    const run = (...argv: string[]) => this.machine.execOk(argv);
    await run("ln", "-s", "/opt/afterpatch/bin/afterpatch-agent", "/usr/bin/afterpatch-agent");
    await run("cp", "/opt/afterpatch/systemd/afterpatch-agent.service", "/etc/systemd/system/");
    const enroll = ["afterpatch-agent", "enroll", "--controller", "ctl.example.net:7444", "--token-file", "-"];
    await this.machine.execOk([...enroll, "--name", this.machine.name], { input: token.stdout });
    await run("systemctl", "enable", "--now", "--quiet", "afterpatch-agent.service");
    await until("agent connected", 120_000, async () => {
      const { document } = await this.cliJson<{ readonly hosts: readonly { readonly state: string }[] }>("status");
      return document.hosts.some(({ state }) => state === "connected") ? true : undefined;
    });
  }
}
