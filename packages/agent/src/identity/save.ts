import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { formatAddress } from "@afterpatch/wire/address";
import { syncDirectory, writeFileDurably } from "@afterpatch/wire/credential-files";
import { type Identity, identityDirectory } from "./identity.ts";

/** Makes the state directory, 0700 when it is new. */
export async function makeStateDirectory(stateDir: string): Promise<void> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
}

// The key of an enrolment that has not been answered yet: a second try with the same key gets the same host.
const PENDING = "enrolling.key";

/** The key of an unfinished enrolment; null when there is none. */
export async function pendingKey(stateDir: string): Promise<string | null> {
  return readFile(join(stateDir, PENDING), "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  });
}

export async function keepPendingKey(stateDir: string, key: string): Promise<void> {
  await writeFileDurably(join(stateDir, PENDING), key);
}

/** Writes the whole identity in one step and forgets the pending key. Fails when there is an identity already. */
export async function saveIdentity(stateDir: string, identity: Identity): Promise<void> {
  const { hostId, name, labels, fleetAddress, enrolAddress, ca, cert, key } = identity;
  const enrol = enrolAddress === null ? {} : { enrolAddress: formatAddress(enrolAddress) };
  const document = { hostId, name, fleetAddress: formatAddress(fleetAddress), ...enrol, labels };
  const stage = await mkdtemp(join(stateDir, ".identity-")); // mode 0700
  try {
    await writeFileDurably(join(stage, "host.key"), key);
    await writeFileDurably(join(stage, "host.crt"), cert);
    await writeFileDurably(join(stage, "ca.crt"), ca);
    await writeFileDurably(join(stage, "identity.json"), `${JSON.stringify(document, null, 2)}\n`);
    await rename(stage, identityDirectory(stateDir));
  } catch (error) {
    await rm(stage, { recursive: true, force: true });
    throw error;
  }
  await rm(join(stateDir, PENDING), { force: true });
  await syncDirectory(stateDir);
}
