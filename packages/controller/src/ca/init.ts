import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { formatAddress } from "@afterpatch/wire/address";
import { writeFileDurably } from "@afterpatch/wire/credential-files";
import type { Settings } from "../store/settings.ts";
import { createStore } from "../store/store.ts";
import { placed } from "../placed.ts";
import { createAuthority, serverIdentity } from "./authority.ts";
import { newKey, OPERATOR_MS } from "./issue.ts";

/** Name of the operator whose credentials `init` writes. */
const FIRST_OPERATOR = "admin";

/**
 * Makes a data directory: CA, own certificate, store, first operator. Built beside and moved into place in one step, so
 * that it is there completely or not at all. Throws CommandError when something is there already.
 */
export function initialise(dataDirectory: string, settings: Settings, now: number): Promise<void> {
  return placed(dataDirectory, (stage) => build(stage, settings, now));
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
