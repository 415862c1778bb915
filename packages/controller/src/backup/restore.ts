import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CommandError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { placed } from "../placed.ts";
import { inspectStore, reviveStore } from "../store/store.ts";
import { synced } from "./files.ts";
import { type Manifest, readManifest } from "./manifest.ts";

/**
 * Makes a data directory, which must be empty or new, of a backup. The controller on it has a larger epoch than any before,
 * and its fleet is frozen until a person thaws it. Throws CommandError or StoreError; nothing is left then.
 */
export async function restore(from: string, dataDir: string, now: number): Promise<Manifest> {
  const manifest = await readManifest(from);
  await placed(dataDir, async (stage) => {
    for (const name of Object.keys(manifest.files)) {
      await mkdir(dirname(join(stage, name)), { recursive: true, mode: 0o700 });
      await copyFile(join(from, name), join(stage, name));
      await synced(join(stage, name));
    }
    const store = join(stage, "controller.db");
    const { audit } = await inspectStore(store);
    if (audit.kind === "broken") {
      const why = `its audit log is broken at entry ${audit.seq}: ${audit.why}`;
      throw new CommandError(EXIT.internal, from, why, "take another backup");
    }
    const { madeAt, auditHead } = manifest;
    await reviveStore(store, { madeAt, auditHead }, now);
  });
  return manifest;
}
