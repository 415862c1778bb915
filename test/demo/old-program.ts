import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, realpath, rename, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isIgnored } from "@afterpatch/core/proc/maps";

const PLACES = [fileURLToPath(new URL("../../node_modules", import.meta.url)), homedir(), "/var/lib", tmpdir()];

/** A running program of ours whose file was replaced by another. */
export interface OldProgram {
  readonly path: string;
  readonly pid: number;
  remove(): Promise<void>;
}

/** A copy of sleep(1) runs, then tail(1) is put in its place. Null where no directory may be written that scans look at. */
export async function startOldProgram(): Promise<OldProgram | null> {
  const directory = await makeDirectory();
  if (directory === null) return null;
  const path = join(directory, "report-daemon");
  await copyFile("/bin/sleep", path);
  const child = spawn(path, ["600"], { stdio: "ignore" });
  await once(child, "spawn");
  await copyFile("/usr/bin/tail", `${path}.new`);
  await rename(`${path}.new`, path);
  return {
    path,
    pid: child.pid ?? 0,
    async remove() {
      const gone = once(child, "exit");
      if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await gone;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function makeDirectory(): Promise<string | null> {
  for (const place of PLACES) {
    try {
      const real = await realpath(place);
      if (!isIgnored(`${real}/`)) return await mkdtemp(join(real, "afterpatch-demo-"));
    } catch {
      // Not there or not writable: the next one.
    }
  }
  return null;
}
