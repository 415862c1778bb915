import { execFile } from "node:child_process";

export interface Ran {
  /** Null when it was not there, was killed by a signal or did not end in time. */
  readonly status: number | null;
  readonly stdout: string;
  /** First line of standard error, or why there is no status. */
  readonly complaint: string;
}

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/** Runs a program with arguments, never through a shell, with nothing of the agent's environment, in English. */
export function run(program: string, args: readonly string[], timeoutMs: number): Promise<Ran> {
  const env = { PATH, LC_ALL: "C", SYSTEMD_COLORS: "0" };
  return new Promise((resolve) => {
    const options = { env, cwd: "/", timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: 1024 * 1024 } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : null;
      const line = stderr.split("\n").find((text) => text.trim() !== "");
      const why = error?.killed ? `no answer within ${timeoutMs} ms` : (error?.message ?? "");
      resolve({ status, stdout, complaint: (status === null ? why : line?.trim()) ?? why });
    });
  });
}

/** `systemctl VERB`, without pager and password questions. */
export function systemctl(args: readonly string[], timeoutMs: number): Promise<Ran> {
  return run("systemctl", ["--no-pager", "--no-ask-password", ...args], timeoutMs);
}
