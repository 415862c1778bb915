import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";

/** Set by afterpatch-agent.service, whose restrictions are the agent's own and no business of what it is told to run. */
const SANDBOX = "AFTERPATCH_SANDBOX";

export interface Inside {
  readonly uid: number;
  readonly gid: number;
  readonly env: Readonly<Record<string, string>>;
  /** Ends it in any case, should the agent be gone by then. */
  readonly longestMs: number;
}

/** A program as PID 1 runs it, see systemd-run(1): its words, and the unit that it is in. */
export interface Outside {
  readonly words: readonly [string, ...string[]];
  readonly unit: string;
}

/**
 * How a program is run in a unit of its own, with none of the agent's restrictions; its output and its exit code are those
 * of systemd-run. Null where the agent is restricted by nothing: then it is simply started. Processes that it leaves behind
 * stay, as they would without.
 */
export function outside(command: readonly string[], { uid, gid, env, longestMs }: Inside): Outside | null {
  if (process.env[SANDBOX] === undefined) return null;
  const unit = `afterpatch-${randomUUID()}.service`;
  const account = uid === 0 ? [] : [`--uid=${uid}`, `--gid=${gid}`];
  const variables = Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`);
  const properties = [
    "WorkingDirectory=/",
    "KillMode=process",
    "UMask=0022",
    `RuntimeMaxSec=${Math.ceil(longestMs / 1000)}`,
  ];
  const words = [
    ...["--quiet", "--no-ask-password", "--collect", "--wait", "--pipe", "--service-type=exec", `--unit=${unit}`],
    ...account,
    ...variables,
    ...properties.map((property) => `--property=${property}`),
    "--",
    // systemd puts variables into the words of a command, systemd.service(5).
    ...command.map((word) => word.replaceAll("$", "$$$$")),
  ];
  return { words: ["systemd-run", ...words], unit };
}

/** A signal for all of a unit; that it is gone already is no matter. */
export function signalUnit(unit: string, signal: NodeJS.Signals): Promise<void> {
  const words = ["kill", "--kill-who=all", `--signal=${signal}`, "--", unit];
  const child = spawn("systemctl", words, { stdio: "ignore", env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
  return new Promise((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
}
