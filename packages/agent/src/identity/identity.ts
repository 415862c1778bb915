import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Address, parseAddress } from "@afterpatch/wire/address";
import { type PairNames, readKeyPair } from "@afterpatch/wire/key-pair";

/** Who this host is to its controller. */
export interface Identity {
  readonly hostId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The controller's fleet port. */
  readonly fleetAddress: Address;
  /** The controller's enrol port, where an expired certificate is made good; null: an older version enrolled this host. */
  readonly enrolAddress: Address | null;
  /** PEM texts: the pinned root, this host's certificate (the issuing CA's after it) and its private key. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export class IdentityError extends Error {
  override readonly name = "IdentityError";
  readonly code: "not-enrolled" | "unreadable";
  constructor(code: IdentityError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Names of this host's certificate and key. */
export const HOST_PAIR: PairNames = { cert: "host.crt", key: "host.key" };

/** Where the identity lives in the agent's state directory: there completely or not at all. */
export function identityDirectory(stateDir: string): string {
  return join(stateDir, "identity");
}

/** The identity that `enroll` wrote. Throws IdentityError. */
export async function loadIdentity(stateDir: string): Promise<Identity> {
  const directory = identityDirectory(stateDir);
  const [json, ca] = [await read(directory, "identity.json"), await read(directory, "ca.crt")];
  const pair = await readKeyPair((name) => read(directory, name), HOST_PAIR);
  return { ...parse(join(directory, "identity.json"), json), ca, ...pair };
}

async function read(directory: string, name: string): Promise<string> {
  try {
    return await readFile(join(directory, name), "utf8");
  } catch (cause) {
    const isAbsent = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (isAbsent && name === "identity.json") {
      const todo = "run 'afterpatch-agent enroll' first";
      throw new IdentityError("not-enrolled", `${directory}: this host is not enrolled; ${todo}`, { cause });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new IdentityError("unreadable", `${directory}: identity cannot be read: ${why}; enroll this host anew`, {
      cause,
    });
  }
}

type Document = Pick<Identity, "hostId" | "name" | "labels" | "fleetAddress" | "enrolAddress">;

function parse(path: string, json: string): Document {
  const document = asObject(json);
  const { hostId, name, fleetAddress, enrolAddress, labels } = document ?? {};
  const address = typeof fleetAddress === "string" ? parseAddress(fleetAddress) : null;
  if (typeof hostId !== "string" || typeof name !== "string" || !address || !isLabels(labels)) {
    throw new IdentityError("unreadable", `${path}: not an identity; enroll this host anew`);
  }
  const enrol = typeof enrolAddress === "string" ? parseAddress(enrolAddress) : null;
  return { hostId, name, labels, fleetAddress: address, enrolAddress: enrol };
}

function asObject(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null; // reported by the caller with the path
  }
}

function isLabels(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === "object" && value !== null && Object.values(value).every((label) => typeof label === "string")
  );
}
