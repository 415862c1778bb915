import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ROOT } from "../bundling.ts";

/** Something of others that is in a program of ours. */
export interface Component {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly licence: string;
  readonly licenceText: string;
  /** Of the archive in npm's registry, `sha512-` and base64; null for what is not from there. */
  readonly integrity: string | null;
  readonly description: string | null;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly description?: string;
}

/** npm packages in these folders of the checkout, by name. Throws Error naming one without a licence. */
export async function componentsIn(folders: readonly string[]): Promise<readonly Component[]> {
  const lock: { packages: Record<string, { integrity?: string }> } = await json(join(ROOT, "package-lock.json"));
  const all = await Promise.all(folders.map((folder) => componentIn(folder, lock.packages[folder]?.integrity ?? null)));
  const once = new Map(all.map((component) => [`${component.name}@${component.version}`, component]));
  return [...once.values()].sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1));
}

/** Node itself, as it is in a single executable. */
export async function nodeComponent(): Promise<Component> {
  const text = await readFile(join(dirname(dirname(process.execPath)), "LICENSE"), "utf8");
  return {
    name: "node",
    version: process.versions.node,
    licence: "MIT",
    licenceText: text,
    integrity: null,
    description: "Node.js, with the libraries that are linked into it",
  };
}

async function componentIn(folder: string, integrity: string | null): Promise<Component> {
  const { name, version, license, description } = await json<Manifest>(join(ROOT, folder, "package.json"));
  if (!license) throw new Error(`${folder}: its package.json names no licence; see what it is, or do without it`);
  const licenceText = await licenceOf(folder);
  return { name, version, licence: license, licenceText, integrity, description: description ?? null };
}

/** Text of LICENSE, NOTICE and their like, or what to say where the package brings none. */
async function licenceOf(folder: string): Promise<string> {
  const names = (await readdir(join(ROOT, folder))).filter((name) => /^(?:licen[cs]e|copying|notice)/i.test(name));
  const texts = await Promise.all(names.sort().map((name) => readFile(join(ROOT, folder, name), "utf8")));
  return texts.length > 0
    ? texts.map((text) => text.trim()).join("\n\n")
    : "(the package brings no text of its licence)";
}

async function json<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, "utf8"));
}
