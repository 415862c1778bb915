import { chown, lstat, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileReason, usageError } from "@afterpatch/core/command-error";
import { syncDirectory } from "@afterpatch/wire/credential-files";
import { writing } from "./writing.ts";

/**
 * Makes a directory with all that `build` puts into it: built beside it and moved into place in one step, so that it is
 * there completely or not at all. Throws CommandError when something is there already.
 */
export async function placed(directory: string, build: (stage: string) => Promise<void>): Promise<void> {
  const target = resolve(directory);
  const owner = await ownerOfEmpty(target);
  await removeUnfinished(target);
  const stage = await makeStage(target);
  try {
    await writing(target, () => build(stage));
    if (owner) await giveTo(stage, owner);
    await syncDirectory(stage);
    await rename(stage, target).catch((error: unknown) => {
      const why = `cannot be put in place: ${fileReason(error)}`;
      throw usageError(target, why, "name an empty or new directory", { cause: error });
    });
  } catch (error) {
    await rm(stage, { recursive: true, force: true });
    throw error;
  }
  await syncDirectory(dirname(target));
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Refuses a directory with content; else the owner of an empty one, so that root can initialise it for its user. */
async function ownerOfEmpty(target: string): Promise<Owner | null> {
  const found = await lstat(target).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw usageError(target, `cannot be read: ${fileReason(error)}`, "name another directory", { cause: error });
  });
  if (!found) return null;
  if (!found.isDirectory()) throw usageError(target, "not a directory", "name another one");
  const names = await readdir(target);
  if (names.includes("ca"))
    throw usageError(target, "a CA is there already", "'serve' uses it, or name another directory");
  if (names.length > 0) throw usageError(target, "not empty", "name an empty or new directory");
  return process.getuid?.() === 0 ? { uid: found.uid, gid: found.gid } : null;
}

const stagePrefix = (target: string) => `.${basename(target)}.init-`;

async function makeStage(target: string): Promise<string> {
  const parent = dirname(target);
  try {
    await mkdir(parent, { recursive: true });
    return await mkdtemp(join(parent, `${stagePrefix(target)}${process.pid}-`)); // mode 0700
  } catch (error) {
    // No file can be missing here: it is the place itself, such as /proc, that takes none.
    const isOdd = error instanceof Error && "code" in error && error.code === "ENOENT";
    const why = `${isOdd ? "no directory can be made in it" : "cannot be written"}: ${fileReason(error)}`;
    throw usageError(parent, why, "make it writable or run as its owner", { cause: error });
  }
}

/** Removes what one that was killed has left: it holds private keys. One that still runs is left alone. */
async function removeUnfinished(target: string): Promise<void> {
  const [parent, prefix] = [dirname(target), stagePrefix(target)];
  const names = await readdir(parent).catch(() => []); // no parent, nothing left there
  for (const name of names.filter((name) => name.startsWith(prefix))) {
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (
      await stat(`/proc/${pid}`).then(
        () => false,
        () => true,
      )
    )
      await rm(join(parent, name), { recursive: true, force: true });
  }
}

async function giveTo(stage: string, { uid, gid }: Owner): Promise<void> {
  const names = await readdir(stage, { recursive: true });
  for (const path of [stage, ...names.map((name) => join(stage, name))]) await chown(path, uid, gid);
}
