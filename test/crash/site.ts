import type { ChildProcess } from "node:child_process";
import { copyFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execOk, type Host, leader, spawnInside } from "../lab/host.ts";
import { untilListening } from "../lab/super-server.ts";
import { LabError } from "../lab/commands.ts";
import { readOrUndefined } from "../lab/processes.ts";
import { FOLDER } from "./stage.ts";

/** Units of the host, each with what is particular to its restart. */
export const UNITS = ["crash-plain.service", "crash-slow-stop.service", "crash-slow-start.service"] as const;

export interface Start {
  readonly unit: string;
  readonly invocation: string;
  readonly at: number;
}

/** A session was sent TERM. */
export interface Told {
  readonly pid: number;
  readonly at: number;
}

export type Mode = "quick" | "slow" | "deaf";

const PROGRAM = "/usr/lib/crash/server";
const STARTS = "/var/lib/crash/starts";
const TOLD = "/var/lib/crash/told";

/** A lab host with three services and an xinetd service of one program, whose effects the host itself records. */
export class Site {
  readonly host: Host;
  /** The host's files as this machine sees them. */
  readonly #root: string;
  readonly #payload: string;
  readonly #client: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #version = 1;

  private constructor(host: Host, root: string, payload: string, client: ChildProcess) {
    this.host = host;
    this.#root = root;
    this.#payload = payload;
    this.#client = client;
    if (client.stdout === null) throw new LabError("command-failed", "the client of sessions has no output");
    this.#answers = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
  }

  static async prepare(host: Host, payload: string): Promise<Site> {
    const root = `/proc/${await leader(host)}/root`;
    await mkdir(join(root, "usr/lib/crash"), { recursive: true });
    await mkdir(join(root, "var/lib/crash"), { recursive: true });
    const server = join(payload, "crash/server-1");
    for (const name of ["server", "mark"]) await copyFile(server, join(root, "usr/lib/crash", name));
    for (const unit of UNITS) await writeFile(join(root, "etc/systemd/system", unit), unitFile(unit));
    await writeFile(join(root, "etc/xinetd.d/crash"), XINETD);
    await execOk(host, ["systemctl", "daemon-reload"]);
    await execOk(host, ["systemctl", "start", ...UNITS]);
    await execOk(host, ["systemctl", "restart", "xinetd.service"]);
    await untilListening(host, 1430);
    const client = await spawnInside(host, ["/opt/afterpatch/node", `${FOLDER}/client.mjs`], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    return new Site(host, root, payload, client);
  }

  /** Everything runs old code from here on; sessions that are open now included. */
  async replaceProgram(): Promise<void> {
    this.#version = 3 - this.#version;
    const next = this.path(`${PROGRAM}.next`);
    await copyFile(join(this.#payload, `crash/server-${this.#version}`), next);
    await rename(next, this.path(PROGRAM));
  }

  /** Opens sessions of xinetd and says their pids. */
  openSessions(...modes: readonly Mode[]): Promise<readonly number[]> {
    return this.#ask(`open ${modes.join(" ")}`);
  }

  openPids(): Promise<readonly number[]> {
    return this.#ask("alive");
  }

  async closeSessions(): Promise<void> {
    await this.#ask("close");
  }

  async starts(): Promise<readonly Start[]> {
    return (await this.#lines(STARTS)).map(([unit = "", invocation = "", at]) => ({
      unit,
      invocation,
      at: Number(at),
    }));
  }

  async told(): Promise<readonly Told[]> {
    return (await this.#lines(TOLD)).map(([pid, at]) => ({ pid: Number(pid), at: Number(at) }));
  }

  /** Starts that systemd itself logged, by unit. */
  async startsBySystemd(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const unit of UNITS) {
      // SD_MESSAGE_UNIT_STARTED, see systemd-messages(3).
      const id = "MESSAGE_ID=39f53479d3a045ac8e11786248231fbf";
      const args = ["--quiet", "--no-pager", "--output=cat", "--output-fields=INVOCATION_ID", `UNIT=${unit}`, id];
      const text = await execOk(this.host, ["journalctl", ...args]);
      counts.set(unit, text.split("\n").filter((line) => line !== "").length);
    }
    return counts;
  }

  path(inside: string): string {
    return `${this.#root}${inside}`;
  }

  /** Ends what `prepare` left running. */
  close(): void {
    this.#client.stdin?.end();
  }

  async #ask(command: string): Promise<readonly number[]> {
    this.#client.stdin?.write(`${command}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new LabError("command-failed", `${this.host.name}: the client of sessions ended`);
    return JSON.parse(value) as readonly number[]; // client.ts answers with nothing else
  }

  async #lines(inside: string): Promise<readonly (readonly string[])[]> {
    const text = (await readOrUndefined(this.path(inside))) ?? "";
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split(" "));
  }
}

/** Length of a file, 0 where there is none. */
export async function sizeOf(path: string): Promise<number> {
  return (await readFile(path).catch(() => Buffer.alloc(0))).length;
}

function unitFile(unit: string): string {
  const before = unit === "crash-slow-start.service" ? "ExecStartPre=/bin/sleep 0.25\n" : "";
  const stopMs = unit === "crash-slow-stop.service" ? 250 : 0;
  return `[Unit]
StartLimitIntervalSec=0
[Service]
Type=exec
${before}ExecStartPre=+/usr/lib/crash/mark mark ${STARTS} ${unit}
ExecStart=${PROGRAM} service ${stopMs}
`;
}

const XINETD = `service crash
{
	type		= UNLISTED
	port		= 1430
	socket_type	= stream
	protocol	= tcp
	wait		= no
	user		= root
	server		= ${PROGRAM}
	server_args	= session ${TOLD}
	instances	= UNLIMITED
	per_source	= UNLIMITED
	cps		= 1000 1
}
`;
