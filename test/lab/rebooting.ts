import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { Finished } from "./commands.ts";
import { bootId, booted, exec, execOk, type Host } from "./host.ts";

// What the tests do to a host that goes down by its own agent.

export const AGENT = "/opt/afterpatch/bin/afterpatch-agent";

export function run(host: Host, ...args: readonly string[]): Promise<Finished> {
  return exec(host, [AGENT, ...args]);
}

/** Runs a command that takes its host down; resolves once it is back. */
export async function goesDown(
  host: Host,
  args: readonly string[],
): Promise<{ readonly before: string; readonly after: string }> {
  const before = await bootId(host);
  await leave(host, args);
  await booted(host, before);
  return { before, after: await bootId(host) };
}

/** As a child of PID 1 where that can be: for others systemd-shutdown may wait ten seconds, though they have ended. */
export async function leave(host: Host, args: readonly string[]): Promise<void> {
  const command = [AGENT, ...args];
  if (host.init === "systemd") await execOk(host, ["systemd-run", "--quiet", "--collect", ...command]);
  else await exec(host, command);
}

export async function apply(host: Host): Promise<{ readonly code: number; readonly document: ApplyDocument }> {
  const { code, stdout } = await run(host, "apply", "--yes", "-o", "json");
  return { code, document: JSON.parse(stdout) as ApplyDocument }; // checked against its schema elsewhere
}

/** Types of the records of the newest order. */
export async function records(host: Host): Promise<readonly string[]> {
  const journal = await execOk(host, ["cat", "/var/lib/afterpatch/agent/apply.jsonl"]);
  const types = [...journal.matchAll(/^[0-9a-f]{8} \{"type":"([a-z]+)"/gm)].map(([, type = ""]) => type);
  return types.slice(types.lastIndexOf("begun"));
}

export function file(host: Host, text: string): Promise<string> {
  return put(host, "/etc/afterpatch/agent.yaml", text);
}

export function put(host: Host, path: string, text: string): Promise<string> {
  return execOk(host, ["sh", "-euc", 'mkdir -p "$(dirname "$1")"; cat >"$1"', "sh", path], { input: text });
}

/** Another program in the place of a genuine one, which it ends up in. */
export async function instead(host: Host, name: string, script: string): Promise<void> {
  const path = `/usr/bin/${name}`;
  await execOk(host, ["mv", path, `${path}.genuine`]);
  await put(host, path, `#!/bin/sh\n${script}\nexec ${path}.genuine "$@"\n`);
  await execOk(host, ["chmod", "755", path]);
}

export function genuine(host: Host, name: string): Promise<string> {
  return execOk(host, ["mv", `/usr/bin/${name}.genuine`, `/usr/bin/${name}`]);
}
