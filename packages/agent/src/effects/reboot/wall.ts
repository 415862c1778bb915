import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../run.ts";

const DIRECTORY = "/run/afterpatch";
const TIMEOUT_MS = 10_000;

/** Writes to the terminals of whoever is logged in, wall(1). A host without it has nobody to tell. */
export async function wall(text: string): Promise<void> {
  // By a file: what is no file's name is the message itself, and a message may be called like a file.
  const file = join(DIRECTORY, `wall.${process.pid}`);
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o755 });
  writeFileSync(file, `${text}\n`, { mode: 0o600 });
  try {
    await run("wall", [file], TIMEOUT_MS);
  } finally {
    rmSync(file, { force: true });
  }
}
