import { randomUUID } from "node:crypto";
import { copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CommandError, usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { formatHead } from "@afterpatch/wire/audit";
import { syncDirectory, writeFileDurably } from "@afterpatch/wire/credential-files";
import { askLocal } from "../local/socket.ts";
import { placed } from "../placed.ts";
import { copyStore, inspectStore } from "../store/store.ts";
import { synced } from "./files.ts";
import { digestOf, MANIFEST, type Manifest } from "./manifest.ts";

/** Of the CA: all that is not made anew from these. The root's key may be kept elsewhere, old directories have no issuing CA. */
const OF_CA: ReadonlySet<string> = new Set(["root.crt", "root.key", "issuing.pem"]);

/**
 * Copies a data directory to a new one, `directory`, while its controller runs or not: the store, checked as a whole, and
 * the CA with its keys. Throws CommandError or StoreError; nothing is left then.
 */
export async function backUp(dataDir: string, directory: string, version: string, now: number): Promise<Manifest> {
  let manifest: Manifest | null = null;
  await placed(directory, async (stage) => {
    const store = join(stage, "controller.db");
    await storeTo(dataDir, store);
    const facts = await inspectStore(store);
    if (facts.audit.kind === "broken") {
      const why = `the audit log is broken at entry ${facts.audit.seq}: ${facts.audit.why}`;
      throw new CommandError(
        EXIT.internal,
        dataDir,
        why,
        "keep this directory as it is and compare it with older backups",
      );
    }
    await mkdir(join(stage, "ca"), { mode: 0o700 });
    for (const name of await readdir(join(dataDir, "ca")))
      if (OF_CA.has(name)) await copyFile(join(dataDir, "ca", name), join(stage, "ca", name));
    const names = ["controller.db", ...(await readdir(join(stage, "ca"))).map((name) => `ca/${name}`)];
    for (const name of names) await synced(join(stage, name));
    const files: Record<string, string> = {};
    for (const name of names) files[name] = await digestOf(join(stage, name));
    const { epoch, hosts, version: storeVersion, audit } = facts;
    const counts = { storeVersion, epoch, hosts, auditHead: formatHead(audit.head) };
    const madeAt = new Date(now).toISOString();
    manifest = { schema: "afterpatch.backup/v1", madeAt, controllerVersion: version, ...counts, files };
    await writeFileDurably(join(stage, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    await syncDirectory(join(stage, "ca"));
  });
  if (!manifest) throw new Error("a backup that was placed has a manifest");
  return manifest;
}

/** By the controller where one runs, for it alone may read its store; else by us. */
async function storeTo(dataDir: string, to: string): Promise<void> {
  const name = `copy-${randomUUID()}`;
  const made = join(dataDir, "run", name);
  try {
    const answer = await askLocal(dataDir, { kind: "copy", file: name });
    if (answer?.kind === "refused")
      throw usageError(dataDir, `the controller could not copy its store: ${answer.why}`, "see its log");
    if (answer) return await moved(made, to);
    await copyStore(join(dataDir, "controller.db"), to);
  } finally {
    await rm(made, { force: true });
  }
}

/** To another file system it is copied. */
async function moved(from: string, to: string): Promise<void> {
  await rename(from, to).catch(async (error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "EXDEV")) throw error;
    await copyFile(from, to);
  });
}
