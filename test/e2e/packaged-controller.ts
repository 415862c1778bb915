import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execOk, type Host } from "../lab/host.ts";
import type { Lab } from "../lab/lab.ts";
import { execOnSwitch, spawnOnSwitch } from "../lab/switch.ts";
import type { Ran } from "./fleet.ts";
import { executableOf } from "./packages.ts";

export interface FleetStatus {
  readonly hosts: readonly {
    readonly name: string;
    readonly state: string;
    readonly agentVersion: string;
    readonly findings: { readonly service: number } | null;
  }[];
}

/** The single executables of controller and command line, in the namespace of a lab's switch. */
export class PackagedController {
  readonly #lab: Lab;
  readonly #parent: string;
  readonly #process: ChildProcess;

  private constructor(lab: Lab, parent: string, process: ChildProcess) {
    this.#lab = lab;
    this.#parent = parent;
    this.#process = process;
  }

  /** Makes a CA and a store, and serves. */
  static async start(lab: Lab): Promise<PackagedController> {
    const parent = await mkdtemp(join(tmpdir(), "afterpatch-controller-"));
    const program = executableOf("afterpatch-controller");
    const data = join(parent, "data");
    const made = await execOnSwitch(lab, [program, "init", "--data-dir", data, "--name", "ctl.example.net"]);
    if (made.code !== 0) throw new Error(`afterpatch-controller init: exit ${made.code}: ${made.stderr}`);
    const serve = [program, "serve", "--data-dir", data];
    const child = await spawnOnSwitch(lab, serve, { stdio: ["ignore", "pipe", "inherit"] });
    const ready = new Promise<void>((resolve) => {
      let said = "";
      child.stdout?.on("data", (chunk: Buffer) => {
        said = `${said}${chunk}`.slice(-10_000);
        if (said.includes("controller ready")) resolve();
      });
    });
    await Promise.race([ready, once(child, "exit").then(() => Promise.reject(new Error("the controller ended")))]);
    return new PackagedController(lab, parent, child);
  }

  /** Directory of the admin's. */
  get credentials(): string {
    return join(this.#parent, "data/admin");
  }

  cli(...words: readonly string[]): Promise<Ran> {
    const env = { PATH: process.env.PATH ?? "", AFTERPATCH_CREDENTIALS: this.credentials };
    return execOnSwitch(this.#lab, [executableOf("afterpatch"), ...words], { env, timeoutMs: 300_000 });
  }

  async cliOk(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cli(...words);
    if (code !== 0) throw new Error(`afterpatch ${words.join(" ")}: exit ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  async status(): Promise<FleetStatus["hosts"]> {
    return (JSON.parse(await this.cliOk("status", "-o", "json")) as FleetStatus).hosts;
  }

  /** Enrols a host's installed agent with `role=web`; it is not started. */
  async enrol(host: Host): Promise<void> {
    const token = await this.cliOk("token", "create", "--uses", "1", "--label", "role=web");
    const words = ["--controller", "ctl.example.net:7444", "--token-file", "-", "--name", host.name];
    await execOk(host, ["afterpatch-agent", "enroll", ...words], { input: token });
  }

  async remove(): Promise<void> {
    this.#process.kill("SIGKILL");
    await rm(this.#parent, { recursive: true, force: true });
  }
}
