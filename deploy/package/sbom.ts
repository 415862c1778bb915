import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { PackageURL } from "packageurl-js";
import type { Component } from "./components.ts";

/** What an SBOM is about. `sha256`: of the file, hexadecimal. */
export interface Product {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** When its sources were changed last. */
  readonly madeAt: Date;
}

/**
 * A program's bill of materials, CycloneDX 1.6 in JSON: the npm packages with code in it and, in a single executable, Node
 * with the libraries that are linked into that, as `process.versions` tells them.
 */
export function sbomOf(product: Product, components: readonly Component[], hasNode: boolean): string {
  const bom = new Models.Bom();
  const main = new Models.Component(Enums.ComponentType.Application, product.name, {
    bomRef: `${product.name}@${product.version}`,
    version: product.version,
    licenses: new Models.LicenseRepository([new Models.SpdxLicense("Apache-2.0")]),
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-256"], product.sha256]]),
  });
  bom.metadata.component = main;
  bom.metadata.timestamp = product.madeAt;
  for (const component of components) {
    const made = component.name === "node" && component.integrity === null ? nodeOf(component) : packageOf(component);
    bom.components.add(made);
    main.dependencies.add(made.bomRef);
  }
  if (hasNode) for (const library of linkedIntoNode()) bom.components.add(library);
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

function packageOf({ name, version, licence, integrity, description }: Component): Models.Component {
  const scoped = /^(@[^/]+)\/(.+)$/.exec(name);
  const purl = new PackageURL("npm", scoped?.[1], scoped?.[2] ?? name, version, undefined, undefined).toString();
  const component = new Models.Component(Enums.ComponentType.Library, scoped?.[2] ?? name, {
    bomRef: purl,
    version,
    purl,
    licenses: new Models.LicenseRepository([licenceOf(licence)]),
    ...(scoped?.[1] ? { group: scoped[1] } : {}),
    ...(description ? { description } : {}),
  });
  const sha512 = /^sha512-(.+)$/.exec(integrity ?? "")?.[1];
  if (sha512) component.hashes.set(Enums.HashAlgorithm["SHA-512"], Buffer.from(sha512, "base64").toString("hex"));
  return component;
}

function nodeOf({ version, licence, description }: Component): Models.Component {
  return new Models.Component(Enums.ComponentType.Platform, "node", {
    bomRef: `node@${version}`,
    version,
    purl: `pkg:generic/node@${version}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:lts:*:*:*`,
    licenses: new Models.LicenseRepository([licenceOf(licence)]),
    ...(description ? { description } : {}),
  });
}

/** OpenSSL, zlib and others: what a scanner for vulnerabilities would otherwise not see in the executable. */
function linkedIntoNode(): readonly Models.Component[] {
  const interfaces = ["node", "modules", "napi"];
  return Object.entries(process.versions)
    .filter(([name, version]) => version !== undefined && !interfaces.includes(name))
    .map(
      ([name, version]) =>
        new Models.Component(Enums.ComponentType.Library, name, {
          bomRef: `node/${name}@${version}`,
          version: `${version}`,
          purl: new PackageURL("generic", undefined, name, version, undefined, undefined).toString(),
        }),
    );
}

function licenceOf(expression: string): Models.License {
  return /^[A-Za-z0-9.+-]+$/.test(expression)
    ? new Models.SpdxLicense(expression)
    : new Models.LicenseExpression(expression);
}
