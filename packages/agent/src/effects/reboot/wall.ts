import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../run.ts";

const DIRECTORY = "/run/afterpatch";
const TIMEOUT_MS = 10_000;

/** Writes to the terminals of whoever is logged in, wall(1). Where that cannot be, nobody is told. */
export async function wall(text: string): Promise<void> {
  // By a file: what is no file's name is the message itself, and a message may be called like a file.
  const file = join(DIRECTORY, `wall.${process.pid}`);
  try {
    mkdirSync(DIRECTORY, { recursive: true, mode: 0o755 });
    writeFileSync(file, `${text}\n`, { mode: 0o600 });
    await run("wall", [file], TIMEOUT_MS);
    rmSync(file, { force: true });
  } catch (error) {
    // A full or read-only /run is no reason to let old code run on.
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}
