import { join } from "node:path";
import { createInterface } from "node:readline";
import { exitCode, LabError } from "./commands.ts";
import type { Host } from "./host.ts";
import type { Lab } from "./lab.ts";
import { spawnOnSwitch } from "./switch.ts";

/** A TCP session of a user with a host, held by a small process in the switch's namespace. */
export interface Session {
  readonly pid: number;
  /** The first line the server sent. */
  readonly greeting: string;
  /** False once the server has closed the connection, or it was reset. */
  isOpen(): boolean;
  /** Sends a line and resolves with the next line of the server; throws when the session ends or stays silent. */
  ask(line: string): Promise<string>;
  /** Resolves when the session has ended, by whichever side; throws LabError "timeout" when it goes on. */
  ended(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** Over IPv6; IPv4 otherwise. */
  readonly v6?: boolean;
  /** The client's port; any otherwise. */
  readonly from?: number;
  /** How long the server may take for each line; 10 s unless told otherwise. */
  readonly timeoutMs?: number;
}

/** Opens a session and resolves with the server's greeting. */
export async function openSession(
  lab: Lab,
  host: Host,
  port: number,
  { v6 = false, from = 0, timeoutMs = 10_000 }: SessionOptions = {},
): Promise<Session> {
  const what = `session with ${host.name} port ${port}`;
  const client = join(import.meta.dirname, "session-client.ts");
  const words = [process.execPath, client, v6 ? host.address6 : host.address, `${port}`, `${from}`];
  const child = await spawnOnSwitch(lab, words, { stdio: ["pipe", "pipe", "inherit"] });
  const { pid, stdin, stdout } = child;
  if (pid === undefined || stdin === null || stdout === null)
    throw new LabError("command-failed", `${what}: no client`);
  stdin.on("error", () => undefined); // The server closed first; isOpen and ended() tell.
  const closed = exitCode(child);
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();

  const nextLine = async () => {
    const line = await within(timeoutMs, `${what}: a line`, lines.next());
    if (line.done === true) throw new LabError("command-failed", `${what}: the server closed the connection`);
    return line.value;
  };
  const ended = async (waitMs = timeoutMs) => {
    await within(waitMs, `${what}: its end`, closed);
  };

  return {
    pid,
    greeting: await nextLine(),
    isOpen: () => child.exitCode === null && child.signalCode === null,
    ask: (line) => {
      stdin.write(`${line}\r\n`);
      return nextLine();
    },
    ended,
    close: () => {
      stdin.end();
      return ended();
    },
  };
}

async function within<T>(timeoutMs: number, what: string, result: Promise<T>): Promise<T> {
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    deadline.reject(new LabError("timeout", `${what}: did not come within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    return await Promise.race([result, deadline.promise]);
  } finally {
    clearTimeout(timer);
  }
}
