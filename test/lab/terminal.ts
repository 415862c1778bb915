import { exitCode } from "./commands.ts";
import { type Host, signalInside, spawnInside } from "./host.ts";

/** A person at a terminal of a host, who has typed one command. */
export interface Terminal {
  /** All that the terminal has shown so far. */
  shown(): string;
  type(text: string): void;
  /** The terminal goes away, as with a connection that breaks. */
  hangUp(): Promise<void>;
  /** Resolves with the command's exit code, or 137 after `hangUp`. */
  readonly ended: Promise<number>;
}

/** Runs a command on a terminal of its own. `typed` is read by a shell, which is the leader of the session. */
export async function openTerminal(host: Host, typed: string): Promise<Terminal> {
  const child = await spawnInside(host, ["script", "--quiet", "--return", "--command", typed, "/dev/null"]);
  let shown = "";
  child.stdout?.on("data", (text) => {
    shown += String(text);
  });
  const ended = exitCode(child);
  return {
    shown: () => shown,
    type: (text) => child.stdin?.write(text),
    hangUp: async () => {
      await signalInside(child, "SIGKILL");
      await ended;
    },
    ended,
  };
}
