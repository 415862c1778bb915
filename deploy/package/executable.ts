import { execFile } from "node:child_process";
import { chmod, copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const POSTJECT = createRequire(import.meta.url).resolve("postject/dist/cli.js");

/** By which Node knows that a program was put into it, doc/api/single-executable-applications.md of Node. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/**
 * A single executable of a bundle: this Node with the program in it, which takes no options of node(1) from its environment
 * or command line (`execArgvExtension: none`) and is not stripped, for a stripped one does not start.
 */
export async function executable(bundle: string, flags: readonly string[], file: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "afterpatch-sea-"));
  try {
    const blob = join(directory, "program.blob");
    const settings = join(directory, "sea.json");
    await writeFile(
      settings,
      JSON.stringify({
        main: bundle,
        output: blob,
        disableExperimentalSEAWarning: true,
        useSnapshot: false,
        useCodeCache: true,
        execArgv: flags,
        execArgvExtension: "none",
      }),
    );
    // With the same options: V8 takes no compiled code that was made with others.
    await run(process.execPath, [...flags, "--experimental-sea-config", settings]);
    await copyFile(process.execPath, file);
    await chmod(file, 0o755);
    await run(process.execPath, [POSTJECT, file, "NODE_SEA_BLOB", blob, "--sentinel-fuse", FUSE]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
