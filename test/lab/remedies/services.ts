import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AppliedStep, ApplyDocument } from "@afterpatch/agent/apply/present";
import { build } from "esbuild";
import { type Payload, stagePayload } from "../../e2e/payload.ts";
import { exec, execOk, type Host } from "../host.ts";

/** Where the test's programs are on a host; each unit has a copy of its own, so that it alone becomes old. */
const PLACE = "/opt/lab";
const SOURCE = join(import.meta.dirname, "served.c");

/** The agent, and its effects alone for what its commands do not let happen. */
export async function stageRemedies(): Promise<Payload> {
  const payload = await stagePayload();
  await build({
    entryPoints: [join(import.meta.dirname, "perform.ts")],
    outfile: join(payload.directory, "perform.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
  return payload;
}

/** Brings two builds of the daemon onto a host. */
export async function bringDaemon(host: Host): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "afterpatch-served-"));
  try {
    await execOk(host, ["mkdir", "-p", PLACE]);
    for (const version of [1, 2]) {
      const out = join(directory, "served");
      const flags = ["-O2", "-Wall", "-Werror", "-Wl,--build-id=sha1", `-DVERSION="${version}"`];
      const { status, stderr } = spawnSync("gcc", [...flags, "-o", out, SOURCE], { encoding: "utf8" });
      if (status !== 0) throw new Error(`gcc: ${stderr}`);
      const script = `cat >${PLACE}/served-${version} && chmod 755 ${PLACE}/served-${version}`;
      await execOk(host, ["sh", "-c", script], { input: await readFile(out) });
    }
  } finally {
    await rm(directory, { recursive: true });
  }
}

export interface Daemon {
  readonly name: string;
  /** Lines of its sections; `ExecStart` runs `script`. */
  readonly unit?: string;
  readonly service?: string;
  /** What starts it; `$served` is the unit's own copy of the daemon. */
  readonly script?: string;
}

/** Writes units of the host and starts them on version 1 of the daemon. */
export async function startDaemons(host: Host, daemons: readonly Daemon[]): Promise<void> {
  for (const { name, unit = "", service = "", script = "exec $served" } of daemons) {
    const home = `${PLACE}/${name}`;
    await put(host, `${home}/start`, `#!/bin/sh\nserved=${home}/served\n${script}\n`, "755");
    await execOk(host, ["cp", `${PLACE}/served-1`, `${home}/served`]);
    const file = `[Unit]\n${unit}\n[Service]\nExecStart=${home}/start\n${service}\n`;
    await put(host, `/etc/systemd/system/${name}.service`, file, "644");
  }
  await execOk(host, ["systemctl", "daemon-reload"]);
  await execOk(host, ["systemctl", "start", "--", ...daemons.map(({ name }) => `${name}.service`)]);
  for (const { name } of daemons) await untilServed(host, name);
}

/** Started is not yet executed: a daemon that is upgraded before it was would start on the new version. */
async function untilServed(host: Host, name: string): Promise<void> {
  const script = 'until ls -l /proc/[0-9]*/exe 2>/dev/null | grep -q " -> $1$"; do sleep 0.05; done';
  await execOk(host, ["timeout", "20", "sh", "-c", script, "sh", `${PLACE}/${name}/served`]);
}

/** Makes `alice`, uid 1000, whose manager runs though nobody is logged in, and starts services of hers on version 1. */
export async function startDaemonsOfAlice(host: Host, daemons: readonly Daemon[]): Promise<void> {
  // Without pam_systemd, which the lab's image does not have, nobody tells the manager where it belongs.
  const runtime = "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n";
  await put(host, "/etc/systemd/system/user@.service.d/lab.conf", runtime, "644");
  await execOk(host, ["useradd", "--create-home", "--uid", "1000", "alice"]);
  for (const { name, unit = "", service = "", script = "exec $served" } of daemons) {
    const home = `${PLACE}/${name}`;
    await put(host, `${home}/start`, `#!/bin/sh\nserved=${home}/served\n${script}\n`, "755");
    await execOk(host, ["cp", `${PLACE}/served-1`, `${home}/served`]);
    await execOk(host, ["chown", "-R", "alice:", home]);
    const text = `[Unit]\n${unit}\n[Service]\nExecStart=${home}/start\n${service}\n`;
    await put(host, `/home/alice/.config/systemd/user/${name}.service`, text, "644");
  }
  await execOk(host, ["chown", "-R", "alice:", "/home/alice/.config"]);
  await execOk(host, ["systemctl", "daemon-reload"]);
  await execOk(host, ["loginctl", "enable-linger", "alice"]);
  await execOk(host, ["systemctl", "start", "user@1000.service"]);
  for (const { name } of daemons) {
    await asAlice(host, "systemctl", "--user", "start", "--", `${name}.service`);
    await untilServed(host, name);
  }
}

/** A command of alice's, beside her manager. */
export function asAlice(host: Host, ...command: readonly string[]): Promise<string> {
  const alice = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
  return execOk(host, [...alice, "env", "XDG_RUNTIME_DIR=/run/user/1000", ...command]);
}

/** Replaces the daemon of these units by the other version, as a package would. */
export async function upgradeDaemons(host: Host, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = `${PLACE}/${name}/served`;
    const script = `new=${PLACE}/served-2; ! cmp -s $new ${path} || new=${PLACE}/served-1
      cp $new ${path}.new && mv ${path}.new ${path}`;
    await execOk(host, ["sh", "-c", script]);
  }
}

export async function put(host: Host, path: string, text: string, mode: string): Promise<void> {
  const script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"';
  await execOk(host, ["sh", "-c", script, "sh", path, mode], { input: text });
}

export interface Applied {
  readonly code: number;
  readonly document: ApplyDocument;
  /** By target. */
  readonly steps: ReadonlyMap<string, AppliedStep>;
}

/** `apply` of these units, `settle` seconds. */
export async function applyUnits(host: Host, units: readonly string[], settle = "2s"): Promise<Applied> {
  return apply(host, [...units.flatMap((unit) => ["--unit", unit]), "--settle", settle]);
}

export async function apply(host: Host, args: readonly string[]): Promise<Applied> {
  const command = ["afterpatch-agent", "apply", ...args, "--yes", "-o", "json"];
  const { code, stdout, stderr } = await exec(host, command, { timeoutMs: 300_000 });
  if (stdout === "") throw new Error(`apply said nothing: exit ${code}: ${stderr}`);
  const document = JSON.parse(stdout) as ApplyDocument; // checked against its schema elsewhere
  return { code, document, steps: new Map(document.steps.map((step) => [step.remedy.target, step])) };
}

/** One property of a unit. */
export async function property(host: Host, unit: string, name: string): Promise<string> {
  return (await execOk(host, ["systemctl", "show", "--value", `--property=${name}`, "--", unit])).trim();
}

/** How often a unit was started since the host booted. */
export async function starts(host: Host, unit: string): Promise<number> {
  const log = await execOk(host, ["journalctl", "--quiet", "--boot", "--output=cat", "--unit", unit, "--no-pager"]);
  return log.split("\n").filter((line) => line.startsWith("Started ")).length;
}
