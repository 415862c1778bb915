import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepBootIdInSight } from "../lab/boot-id-in-sight.ts";
import { upgradeImapd, upgradeLibssl } from "../lab/errata.ts";
import { execOk, type Host } from "../lab/host.ts";
import type { Init } from "../lab/init.ts";
import { down, type Lab, up } from "../lab/lab.ts";
import { openSession, type Session } from "../lab/session.ts";
import { execOnSwitch, spawnOnSwitch } from "../lab/switch.ts";
import { built, type Payload, stagePayload } from "./payload.ts";

const IMAP = 143;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FleetOptions {
  readonly signal?: AbortSignal;
  /** PID 1 of the hosts; systemd unless told otherwise. */
  readonly init?: Init;
  /** Debian packages that the hosts have beside the base image. */
  readonly packages?: readonly string[];
  /** Labels of a host beside `role=web`, as `KEY=VALUE`. */
  readonly labels?: (name: string) => readonly string[];
  /** The controller's `--hooks-dir`. */
  readonly hooksDir?: string;
}

/** Lab hosts with enrolled agents, and a controller in the switch's namespace: the built programs, started as people do. */
export class LabFleet {
  readonly lab: Lab;
  readonly #dataDir: string;
  readonly #payload: Payload;
  readonly #options: FleetOptions;
  #controller: ChildProcess | null = null;

  private constructor(lab: Lab, dataDir: string, payload: Payload, options: FleetOptions) {
    this.#options = options;
    this.lab = lab;
    this.#dataDir = dataDir;
    this.#payload = payload;
  }

  /**
   * Boots the hosts, starts a controller and enrols every host with `role=web`. What fails or is aborted half-way is
   * removed again.
   */
  static async make(
    name: string,
    hosts: number,
    say: (line: string) => void,
    options: FleetOptions = {},
  ): Promise<LabFleet> {
    const { signal, packages = [], init = "systemd" } = options;
    const payload = await stagePayload();
    const parent = await mkdtemp(join(tmpdir(), "afterpatch-controller-"));
    try {
      const lab = await up({
        name,
        hosts,
        init,
        packages,
        payload: payload.directory,
        say,
        ...(signal ? { signal } : {}),
      });
      const fleet = new LabFleet(lab, join(parent, "data"), payload, options);
      await fleet.#enrolAll(say);
      return fleet;
    } catch (error) {
      await down(name);
      await payload.remove();
      await rm(parent, { recursive: true, force: true });
      throw error;
    }
  }

  get hosts(): readonly Host[] {
    return this.lab.hosts;
  }

  /** Removes everything that `make` made. */
  async remove(): Promise<void> {
    await down(this.lab.name);
    await this.#payload.remove();
    await rm(join(this.#dataDir, ".."), { recursive: true, force: true });
  }

  /** The operator's command line. */
  cli(...args: readonly string[]): Promise<Ran> {
    return execOnSwitch(this.lab, [...built("cli", "afterpatch"), ...args], { env: this.#env(), timeoutMs: 300_000 });
  }

  async cliOk(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cli(...args);
    if (code !== 0) throw new Error(`afterpatch ${args.join(" ")}: exit ${code}: ${stderr}`);
    return stdout;
  }

  /** The operator's command line, left running. */
  spawnCli(...args: readonly string[]): Promise<ChildProcess> {
    return spawnOnSwitch(this.lab, [...built("cli", "afterpatch"), ...args], {
      env: this.#env(),
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** A shell on the controller's machine, with `afterpatch` on its path; ends with whoever types. */
  spawnShell(): Promise<ChildProcess> {
    const bin = join(import.meta.dirname, "../../packages/cli/bin");
    const path = `${bin}:${process.env.PATH ?? ""}`;
    const env = { ...process.env, ...this.#env(), PATH: path, PS1: "demo \\$ " };
    return spawnOnSwitch(this.lab, ["bash", "--norc", "--noprofile"], { env, stdio: "inherit" });
  }

  async startController(): Promise<void> {
    const serve = [...built("controller", "afterpatch-controller"), "serve", "--data-dir", this.#dataDir];
    const { hooksDir } = this.#options;
    const hooks = hooksDir === undefined ? [] : ["--hooks-dir", hooksDir];
    const child = await spawnOnSwitch(this.lab, [...serve, ...hooks], { stdio: ["ignore", "pipe", "inherit"] });
    this.#controller = child;
    await untilSaid(child, "controller ready");
  }

  /** The running controller's. */
  get controllerPid(): number | undefined {
    return this.#controller?.pid;
  }

  /** kill -9. */
  async killController(): Promise<void> {
    const child = this.#controller;
    if (!child) throw new Error("no controller runs");
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    this.#controller = null;
  }

  async untilConnected(): Promise<void> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
      const { hosts } = JSON.parse(await this.cliOk("status", "-o", "json")) as { hosts: { state: string }[] };
      if (hosts.length === this.hosts.length && hosts.every((host) => host.state === "connected")) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error("not all agents connected within a minute");
  }

  /** Two imap sessions of users on every host, by host name. */
  async openSessions(count: number): Promise<ReadonlyMap<string, readonly Session[]>> {
    const sessions = new Map<string, readonly Session[]>();
    for (const host of this.hosts) {
      const open = Array.from({ length: count }, () => openSession(this.lab, host, IMAP));
      sessions.set(host.name, await Promise.all(open));
    }
    return sessions;
  }

  /** The security upgrade of the day: libssl3 of the archive, and imapd 1.0 -> 1.1. */
  async upgrade(): Promise<{ readonly libssl: string; readonly imapd: string }> {
    const done = await Promise.all(
      this.hosts.map(async (host) => ({ libssl: await upgradeLibssl(host), imapd: await upgradeImapd(host) })),
    );
    const [first] = done;
    const arrow = (v?: { old: string; newest: string }) => `${v?.old} -> ${v?.newest}`;
    return { libssl: arrow(first?.libssl), imapd: arrow(first?.imapd) };
  }

  #env(): Readonly<Record<string, string>> {
    return { PATH: process.env.PATH ?? "", AFTERPATCH_CREDENTIALS: join(this.#dataDir, "admin") };
  }

  async #enrolAll(say: (line: string) => void): Promise<void> {
    const { signal } = this.#options;
    await this.#init();
    await this.startController();
    say(`controller ready as ctl.example.net`);
    signal?.throwIfAborted();
    await Promise.all(this.hosts.map((host) => this.#install(host)));
    const token = await this.cliOk("token", "create", "--uses", String(this.hosts.length), "--label", "role=web");
    await Promise.all(this.hosts.map((host) => this.#enrol(host, token)));
    signal?.throwIfAborted();
    await this.untilConnected();
    say(`${this.hosts.length} agents enrolled and connected`);
  }

  async #init(): Promise<void> {
    const init = [...built("controller", "afterpatch-controller"), "init", "--data-dir", this.#dataDir];
    const { code, stderr } = await execOnSwitch(this.lab, [...init, "--name", "ctl.example.net"]);
    if (code !== 0) throw new Error(`afterpatch-controller init: exit ${code}: ${stderr}`);
  }

  async #install(host: Host): Promise<void> {
    await execOk(host, ["ln", "-s", "/opt/afterpatch/bin/afterpatch-agent", "/usr/bin/afterpatch-agent"]);
    if (this.#options.init === "sysvinit") {
      const input = await readFile(join(import.meta.dirname, "../../deploy/package/files/afterpatch-agent.init"));
      await execOk(host, ["sh", "-c", 'cat >"$0"; chmod 755 "$0"', "/etc/init.d/afterpatch-agent"], { input });
      return;
    }
    await execOk(host, ["cp", "/opt/afterpatch/systemd/afterpatch-agent.service", "/etc/systemd/system/"]);
    await keepBootIdInSight(host, "afterpatch-agent.service");
  }

  async #enrol(host: Host, token: string): Promise<void> {
    const enroll = ["afterpatch-agent", "enroll", "--controller", "ctl.example.net:7444", "--token-file", "-"];
    const labels = this.#options.labels?.(host.name) ?? [];
    const named = ["--name", host.name, ...labels.flatMap((label) => ["--label", label])];
    await execOk(host, [...enroll, ...named], { input: token });
    const begin =
      this.#options.init === "sysvinit"
        ? ["service", "afterpatch-agent", "start"]
        : ["systemctl", "enable", "--now", "--quiet", "afterpatch-agent.service"];
    await execOk(host, begin);
  }
}

/** Reads on afterwards: a program whose output nobody takes would come to a halt. */
function untilSaid(child: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      if (said.includes(words)) return;
      said += chunk.toString();
      if (said.includes(words)) resolve();
    });
    child.once("exit", (code, signal) => reject(new Error(`the controller ended with ${code ?? signal}: ${said}`)));
  });
}
