import type { ChildProcess } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { type Finished, LabError, must, type RunOptions } from "../lab/commands.ts";
import type { Lab } from "../lab/lab.ts";
import { identityOf, isAlive, kill, type ProcessIdentity, until } from "../lab/processes.ts";
import { spawnOnSwitch } from "../lab/switch.ts";
import { execIn } from "./guest.ts";
import type { Image } from "./image.ts";
import { JsonPeer } from "./peer.ts";

interface Running {
  readonly child: ChildProcess;
  readonly identity: ProcessIdentity;
  readonly monitor: JsonPeer;
  readonly agent: JsonPeer;
}

/** Emulated, beside other work: a boot takes 20 s of an idle machine. */
const BOOT_MS = 300_000;

/** A virtual machine with a kernel, firmware and boot loader of its own. A reboot inside is a reset, nobody lends a hand. */
export class Machine {
  readonly name = "vm01";
  readonly #lab: Lab;
  readonly #directory: string;
  readonly #payload: string;
  #running: Running | null = null;

  private constructor(lab: Lab, directory: string, payload: string) {
    this.#lab = lab;
    this.#directory = directory;
    this.#payload = payload;
  }

  /** A machine that is off, with a fresh disk. It ends with the lab. `payload`: a disk that it sees as /opt/afterpatch. */
  static async make(lab: Lab, image: Image, payload: string): Promise<Machine> {
    const directory = join(lab.directory, "vm01");
    await mkdir(directory);
    const disk = join(directory, "disk.qcow2");
    await must(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image.disk, "-F", "raw", disk]);
    return new Machine(lab, directory, payload);
  }

  /** Switches the machine on; see `booted`. */
  async switchOn(): Promise<void> {
    const command = ["qemu-system-x86_64", ...this.#hardware()];
    const child = await spawnOnSwitch(this.#lab, command, { stdio: ["pipe", "pipe", "inherit", "pipe"] });
    const identity = child.pid === undefined ? undefined : await identityOf(child.pid);
    const [to, from, , wire] = child.stdio;
    if (!identity || !to || !from || !(wire instanceof Duplex)) throw new LabError("not-up", `${this.name}: no QEMU`);
    const monitor = new JsonPeer("monitor", from, to);
    this.#running = { child, identity, monitor, agent: new JsonPeer("guest", wire, wire) };
    await monitor.call("qmp_capabilities", {}, 30_000);
  }

  /** Cuts the power: nothing in the machine has time to end in order. */
  async switchOff(): Promise<void> {
    if (this.#running) await kill(this.#running.identity);
    this.#running = null;
  }

  /** From now on the machine goes off where it would start again. Whoever switches it on lets it start again, too. */
  async stayOff(): Promise<void> {
    await this.#on().monitor.call("set-action", { reboot: "shutdown" });
  }

  /** Waits until the machine has booted and all its services are up. Resolves with the boot's id. */
  async booted(before?: string): Promise<string> {
    try {
      return await until(`${this.name}: boot`, BOOT_MS, async () => {
        const id = await this.#answer();
        if (id === undefined || id === before) return undefined;
        const { stdout } = await this.exec(["systemctl", "is-system-running", "--wait"], { timeoutMs: BOOT_MS });
        return stdout.trim() === "running" ? id : undefined;
      });
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      throw new LabError(error.code, `${error.message}; its console ends with: ${await this.#console()}`);
    }
  }

  exec(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return execIn(this.#on().agent, argv, options);
  }

  /** Like `exec`, for commands that must succeed: resolves with standard output. */
  async execOk(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.exec(argv, options);
    if (code === 0) return stdout;
    throw new LabError("command-failed", `${this.name}: ${argv.join(" ")}: exit code ${code}: ${stderr}${stdout}`);
  }

  #on(): Running {
    if (this.#running) return this.#running;
    throw new LabError("not-up", `${this.name}: the machine is off`);
  }

  /** The id of the boot that answers; undefined where nobody does. */
  async #answer(): Promise<string | undefined> {
    const { agent, identity } = this.#on();
    if (!(await isAlive(identity))) throw new LabError("not-up", `${this.name}: QEMU has ended`);
    agent.flush();
    try {
      await agent.call("guest-ping", {}, 5_000);
      return (await this.execOk(["cat", "/proc/sys/kernel/random/boot_id"])).trim();
    } catch (error) {
      if (error instanceof LabError) return undefined; // It is going down, or not up yet.
      throw error;
    }
  }

  #hardware(): readonly string[] {
    const drive = (path: string, ...more: string[]) => ["-drive", [`file=${path}`, "if=virtio", ...more].join(",")];
    return [
      // KVM is not everywhere, and where it is it may hang; this is slow and the same everywhere.
      // A bounded store of translated code: what a full one keeps from before a reset makes the next boot twice as long.
      ...["-machine", "q35", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max", "-smp", "2", "-m", "1024"],
      ...["-nodefaults", "-no-user-config", "-display", "none"],
      ...["-chardev", `file,id=console,path=${this.#log},append=on`, "-serial", "chardev:console", "-qmp", "stdio"],
      ...drive(join(this.#directory, "disk.qcow2"), "format=qcow2", "cache=unsafe"),
      ...drive(this.#payload, "format=raw", "readonly=on"),
      // Standard input and output are the monitor's; the fourth is the guest agent's wire.
      ...["-device", "virtio-serial-pci", "-chardev", "socket,id=agent,fd=3"],
      ...["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"],
      // In the switch's namespace, which leads nowhere: the guest finds its loopback at 10.0.2.2.
      ...["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="],
      ...["-device", "virtio-rng-pci"],
    ];
  }

  /** Releases of all kernels that have come up so far, as each says first of all on the console. */
  async kernelsBooted(): Promise<readonly string[]> {
    const text = await readFile(this.#log, "latin1");
    return [...text.matchAll(/\] Linux version (\S+)/g)].map(([, release = ""]) => release);
  }

  get #log(): string {
    return join(this.#directory, "console.log");
  }

  async #console(): Promise<string> {
    const text = await readFile(this.#log, "utf8").catch(() => "");
    return text.slice(-2000);
  }
}
