import { copyFile, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { stagePayload } from "../e2e/payload.ts";
import { must } from "../lab/commands.ts";
import type { Lab } from "../lab/lab.ts";

/** A disk with what the machine sees as /opt/afterpatch: Node, the built agent, its unit file, and packages in debs/. */
export async function makePayloadDisk(lab: Lab, packages: readonly string[]): Promise<string> {
  const payload = await stagePayload();
  try {
    const debs = join(payload.directory, "debs");
    await mkdir(debs);
    for (const path of packages) await copyFile(path, join(debs, basename(path)));
    const disk = join(lab.directory, "payload.img");
    // Sparse: what is not used takes no room.
    await must([
      "mke2fs",
      "-q",
      "-t",
      "ext4",
      "-O",
      "^has_journal",
      "-L",
      "payload",
      "-d",
      payload.directory,
      disk,
      "1G",
    ]);
    return disk;
  } finally {
    await payload.remove();
  }
}
