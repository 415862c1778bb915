import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@afterpatch/controller/ca/authority";
import { expect, onTestFinished, test } from "vitest";
import { readKeyPair, replaceKeyPair } from "@afterpatch/wire/key-pair";

const NAMES = { cert: "host.crt", key: "host.key" };

test("a renewal that is cut off after another one was cut off leaves a pair that fits", async () => {
  const directory = await mkdtemp(join(tmpdir(), "afterpatch-pair-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const ca = await mkdtemp(join(tmpdir(), "afterpatch-ca-"));
  onTestFinished(() => rm(ca, { recursive: true }));
  const authority = await createAuthority(ca, Date.now());
  const pair = async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { pem } = await authority.issueHost("H1", publicKey, Date.now());
    return { cert: pem, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
  };
  const read = (name: string) => readFile(join(directory, name), "utf8");
  const [first, second, third] = [await pair(), await pair(), await pair()];
  await writeFile(join(directory, NAMES.cert), first.cert);
  await writeFile(join(directory, NAMES.key), first.key);
  await replaceKeyPair(directory, NAMES, second);
  // As it was before the last step: the new key under its other name, the old one under its own.
  await rename(join(directory, NAMES.key), join(directory, "host.key.next"));
  await writeFile(join(directory, NAMES.key), first.key);
  expect(await readKeyPair(read, NAMES)).toEqual(second);
  // The next one ends before its certificate is written.
  const killed = {
    key: third.key,
    get cert(): string {
      throw new Error("killed");
    },
  };
  await expect(replaceKeyPair(directory, NAMES, killed)).rejects.toThrow("killed");
  expect(await readKeyPair(read, NAMES)).toEqual(second);
});
