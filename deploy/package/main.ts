// `npm run package`: everything that people install, in dist/. See docs/packages.md.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type Program, ROOT } from "../bundling.ts";
import { FLAGS } from "../flags.ts";
import { bundle, versionOf } from "./bundle.ts";
import { componentsIn, nodeComponent } from "./components.ts";
import { contentsOf } from "./contents.ts";
import { DEBIAN, deb } from "./deb.ts";
import { executable } from "./executable.ts";
import { copyright } from "./licences.ts";
import { type Order, ordered, UsageError } from "./order.ts";
import { RPM, rpm } from "./rpm.ts";
import { sbomOf } from "./sbom.ts";
import type { Format } from "./tools.ts";

const MAKERS = { deb: { make: deb, places: DEBIAN }, rpm: { make: rpm, places: RPM } } as const;

try {
  await packageAll(await ordered());
} catch (error) {
  process.stderr.write(`package: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = error instanceof UsageError ? 5 : 1;
}

async function packageAll({ out, version, programs, formats, madeAt }: Order): Promise<void> {
  await rm(out, { recursive: true, force: true });
  for (const folder of ["bundle", "sea", "sbom"]) await mkdir(join(out, folder), { recursive: true });
  for (const program of programs) {
    const of = { version: version ?? (await versionOf(program.part)), madeAt, out };
    for (const file of await packageOne(program, formats, of)) await tell(file);
  }
  if (programs.some(({ part }) => part === "controller")) await containerFile(out);
  await writeFile(join(out, "SHA256SUMS"), await checksums(out));
}

/** And the empty directory that it copies. */
async function containerFile(out: string): Promise<void> {
  await mkdir(join(out, "container/data"), { recursive: true });
  await copyFile(join(ROOT, "deploy/container/Containerfile"), join(out, "container/Containerfile"));
}

async function packageOne(
  program: Program,
  formats: readonly Format[],
  of: { version: string; madeAt: Date; out: string },
) {
  const { part, name } = program;
  const { file, packages } = await bundle(program, of.version, join(of.out, "bundle"));
  const binary = join(of.out, "sea", name);
  await executable(file, FLAGS[part], binary);
  const components = await componentsIn(packages);
  const withNode = [...components, await nodeComponent()];
  const product = { name, version: of.version, madeAt: of.madeAt };
  const sbom = sbomOf({ ...product, sha256: await sha256(binary) }, withNode, true);
  await writeFile(join(of.out, "sbom", `${name}.cdx.json`), sbom);
  const ofBundle = sbomOf({ ...product, sha256: await sha256(file) }, components, false);
  await writeFile(join(of.out, "sbom", `${name}.cjs.cdx.json`), ofBundle);
  const made = { executable: binary, licence: await copyright(name, withNode), sbom };
  const files = [file, binary];
  for (const format of formats) {
    const { make, places } = MAKERS[format];
    files.push(await make(program, await contentsOf(program, made, places), of));
  }
  return files;
}

async function tell(file: string): Promise<void> {
  const { size } = await stat(file);
  process.stdout.write(`${relative(process.cwd(), file)}: ${(size / 1e6).toFixed(1)} MB\n`);
}

/** Of every file, as sha256sum(1) checks them. */
async function checksums(out: string): Promise<string> {
  const files = (await readdir(out, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => relative(out, join(parentPath, name))).sort();
  const lines = await Promise.all(paths.map(async (path) => `${await sha256(join(out, path))}  ${path}\n`));
  return lines.join("");
}

async function sha256(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}
