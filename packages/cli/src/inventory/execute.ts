import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { usageError } from "@afterpatch/core/command-error";

const PATIENCE_MS = 120_000;

/** What an inventory script prints for `--list`. It is run by the one who asked for it, with all that they may. */
export async function listed(path: string, mostBytes: number): Promise<string> {
  try {
    const options = { maxBuffer: mostBytes, timeout: PATIENCE_MS, killSignal: "SIGKILL" } as const;
    const { stdout } = await promisify(execFile)(resolve(path), ["--list"], options);
    return stdout;
  } catch (cause) {
    const why = whyNot(cause);
    throw usageError("inventory", `${path} --list: ${why}`, "run it by hand, and see what it prints", { cause });
  }
}

function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [code, signal] = ["code" in error ? error.code : null, "signal" in error ? error.signal : null];
  const said = "stderr" in error ? (String(error.stderr).trim().split("\n").at(-1) ?? "") : "";
  const how =
    typeof code === "number" ? `ended with ${code}` : signal ? `was ended by ${signal}` : String(code ?? error.message);
  return said === "" ? how : `${how}: ${said}`;
}
