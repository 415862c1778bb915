import { chown, lstat, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileReason, usageError } from "@afterpatch/core/command-error";
import { formatAddress } from "@afterpatch/wire/address";
import { syncDirectory, writeFileDurably } from "@afterpatch/wire/credential-files";
import type { Settings } from "../store/settings.ts";
import { createStore } from "../store/store.ts";
import { writing } from "../writing.ts";
import { createAuthority, serverIdentity } from "./authority.ts";
import { newKey, OPERATOR_MS } from "./issue.ts";

/** Name of the operator whose credentials `init` writes. */
const FIRST_OPERATOR = "admin";

/**
 * Makes a data directory: CA, own certificate, store, first operator. Built beside and moved into place in one step, so
 * that it is there completely or not at all. Throws CommandError when something is there already.
 */
export async function initialise(dataDirectory: string, settings: Settings, now: number): Promise<void> {
  const target = resolve(dataDirectory);
  const owner = await ownerOfEmpty(target);
  await removeUnfinished(target);
  const stage = await makeStage(target);
  try {
    await writing(target, () => build(stage, settings, now));
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

async function build(stage: string, settings: Settings, now: number): Promise<void> {
  const [ca, admin] = [join(stage, "ca"), join(stage, "admin")];
  await mkdir(ca, { mode: 0o700 });
  await mkdir(admin, { mode: 0o700 });
  const authority = await createAuthority(ca, now);
  await serverIdentity(ca, settings.names, now);
  const store = await createStore(join(stage, "controller.db"), settings);
  try {
    const key = newKey();
    const first = { name: FIRST_OPERATOR, role: "admin" as const, lifeMs: OPERATOR_MS };
    const certificate = await authority.issueOperator(first, key.publicKey, now);
    await store.operators.add(first.name, first.role, certificate, first.lifeMs, now);
    const address = formatAddress({ host: settings.names[0] ?? "", port: settings.port });
    await writeFileDurably(join(admin, "ca.crt"), authority.root);
    await writeFileDurably(join(admin, "operator.crt"), certificate.pem);
    await writeFileDurably(join(admin, "operator.key"), key.pem);
    await writeFileDurably(join(admin, "controller"), `${address}\n`);
    const enrol = formatAddress({ host: settings.names[0] ?? "", port: settings.enrolPort });
    await writeFileDurably(join(admin, "enrol"), `${enrol}\n`);
  } finally {
    await store.close();
  }
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

/** Removes what an `init` that was killed has left: it holds private keys. One that still runs is left alone. */
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
