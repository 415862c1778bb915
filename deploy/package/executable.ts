import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
    await identify(file);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** NT_GNU_BUILD_ID of 20 bytes, see elf(5): lengths of name and content, type, name. */
const BUILD_ID = Buffer.from("\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0", "latin1");

/**
 * Gives the file a build-id of its own content. That of Node would say that every program and every version of it are the
 * same code: whoever compares build-ids, we among them, would never see an upgrade.
 */
async function identify(file: string): Promise<void> {
  const bytes = await readFile(file);
  const id = createHash("sha1").update(bytes).digest();
  // Node's own and the copy that what puts the program in has made of it; a Node without one is compared by its content.
  for (let at = bytes.indexOf(BUILD_ID); at >= 0; at = bytes.indexOf(BUILD_ID, at + 1))
    id.copy(bytes, at + BUILD_ID.length);
  await writeFile(file, bytes);
}
