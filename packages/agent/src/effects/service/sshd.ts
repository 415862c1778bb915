import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { basename } from "node:path";
import { visible } from "@afterpatch/core/text";
import { programOfRoot } from "../programs.ts";
import { run } from "../run.ts";
import { listenersOf } from "./ports.ts";
import type { Program, UnitState } from "./unit.ts";

const CHECK_TIMEOUT_MS = 20_000;
const BANNER_TIMEOUT_MS = 5_000;
const BANNER = /^SSH-[0-9]/;

/** What starts an sshd that listens; null for any other service. */
export function sshdOf({ programs }: UnitState): Program | null {
  return programs.find(({ property, path }) => property === "ExecStart" && basename(path) === "sshd") ?? null;
}

/**
 * What sshd would not start with, asked of the program that is on the disk now, or null. Debian's unit asks it too
 * (ExecStartPre), but after the listener was stopped: a mistake in sshd_config would lock everybody out. A program of
 * somebody else's that is called sshd is not asked: it would answer as root.
 */
export async function sshdComplaint(sshd: Program, environmentFiles: readonly string[]): Promise<string | null> {
  const program = programOfRoot(sshd.path);
  if (program === null) return null;
  const variables = new Map(environmentFiles.flatMap((path) => [...variablesOf(textOf(path))]));
  const options = expanded(sshd.args, variables).filter((word) => word !== "-D" && word !== "-e");
  const { status, complaint } = await run(program, ["-t", ...options], CHECK_TIMEOUT_MS);
  if (status === 0) return null;
  return `${[sshd.path, "-t", ...options].map(visible).join(" ")} says: ${visible(complaint)}`;
}

/** Ports of these processes on which no SSH server introduces itself (RFC 4253, 4.2), as `22`. */
export async function portsWithoutBanner(pids: readonly number[]): Promise<readonly string[]> {
  const silent: string[] = [];
  for (const { address, port } of listenersOf(pids)) {
    if (!(await hasBanner(reachable(address), port))) silent.push(String(port));
  }
  return silent;
}

/** A socket for any address is reached over loopback. */
function reachable(address: string): string {
  return address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
}

function hasBanner(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    let said = "";
    socket.setTimeout(BANNER_TIMEOUT_MS, () => finish(false));
    socket.once("error", () => finish(false)).once("close", () => finish(false));
    socket.on("data", (bytes) => {
      // A server may send other lines before it.
      said = (said + bytes.toString("latin1")).slice(0, 4096);
      const lines = said.split("\n");
      if (lines.some((line) => BANNER.test(line))) finish(true);
      else if (said.length === 4096) finish(false);
    });
  });
}

/** As systemd does with a command line: `$NAME` alone becomes as many words as it has, `${NAME}` is put in as it is. */
export function expanded(words: readonly string[], variables: ReadonlyMap<string, string>): readonly string[] {
  return words.flatMap((word) => {
    const [, name] = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(word) ?? [];
    if (name !== undefined) return (variables.get(name) ?? "").split(/\s+/).filter(Boolean);
    return word.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, key: string) => variables.get(key) ?? "");
  });
}

/** Of an environment file, systemd.exec(5): `NAME=VALUE` lines, the value perhaps in quotes. */
export function variablesOf(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value = ""] = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) variables.set(name, value.trim().replace(/^(["'])(.*)\1$/, "$2"));
  }
  return variables;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error) return ""; // `-` before the name of a file that need not be there
    throw error;
  }
}
