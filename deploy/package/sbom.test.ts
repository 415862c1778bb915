import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { expect, test } from "vitest";
import { componentsIn, nodeComponent } from "./components.ts";
import { copyright } from "./licences.ts";
import { sbomOf } from "./sbom.ts";

const FOLDERS = ["node_modules/@grpc/grpc-js", "node_modules/pino", "node_modules/tslib"];
const product = { name: "afterpatch-agent", version: "1.2.3", sha256: "ab".repeat(32), madeAt: new Date(0) };

test("a bill of materials is CycloneDX 1.6 by its own schema", async () => {
  const text = sbomOf(product, [...(await componentsIn(FOLDERS)), await nodeComponent()], true);
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  expect(await validator.validate(text)).toBeNull();
  expect(await validator.validate(text.replace('"application"', '"something"'))).not.toBeNull();
});

test("it names each package with its version, licence and digest, and what is linked into Node", async () => {
  const bom = JSON.parse(sbomOf(product, [...(await componentsIn(FOLDERS)), await nodeComponent()], true));
  const pino = bom.components.find((one: { name: string }) => one.name === "pino");
  expect(pino).toMatchObject({
    type: "library",
    purl: expect.stringMatching(/^pkg:npm\/pino@\d/),
    licenses: [{ license: { id: "MIT" } }],
    hashes: [{ alg: "SHA-512", content: expect.stringMatching(/^[0-9a-f]{128}$/) }],
  });
  const openssl = bom.components.find((one: { name: string }) => one.name === "openssl");
  expect(openssl.version).toBe(process.versions.openssl);
  expect(bom.dependencies.find((one: { ref: string }) => one.ref === "afterpatch-agent@1.2.3").dependsOn).toContain(
    pino["bom-ref"],
  );
  expect(JSON.parse(sbomOf(product, await componentsIn(FOLDERS), false)).components).toHaveLength(FOLDERS.length);
});

test("the licence of every component is in the package, in full", async () => {
  const text = await copyright("afterpatch-agent", [...(await componentsIn(FOLDERS)), await nodeComponent()]);
  expect(text).toMatch(/Apache License[\s\S]*@grpc\/grpc-js [\d.]+: Apache-2\.0[\s\S]*pino [\d.]+: MIT/);
  expect(text).toContain("Permission is hereby granted");
  expect(text).toContain("Node.js is licensed for use as follows");
});
