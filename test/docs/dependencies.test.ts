import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const PAGE = readFileSync(join(ROOT, "docs/dependencies.md"), "utf8");

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly license?: string;
}

const manifests = [
  "package.json",
  ...readdirSync(join(ROOT, "packages")).map((name) => `packages/${name}/package.json`),
].map(read);
const used = [
  ...new Set(
    manifests.flatMap(({ dependencies, devDependencies, optionalDependencies }) =>
      Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }),
    ),
  ),
].filter((name) => !name.startsWith("@afterpatch/"));

/** Licence by package, as the page says. */
const told = new Map(
  [...PAGE.matchAll(/^\| (\S+) \| [^|]+ \| ([^|]+) \| [^|]+ \|$/gm)].map(([, name = "", licence = ""]) => [
    name,
    licence,
  ]),
);
told.delete("package");
told.delete("---");

test("docs/dependencies.md names every package that a package.json names, and no other", () => {
  expect([...told.keys()].toSorted()).toEqual(used.toSorted());
});

// The Node of the other architecture is not installed here.
test.each(used.filter((name) => !name.startsWith("node-linux-")))(
  "the licence of %s is the one it declares",
  (name) => {
    expect(told.get(name)).toBe(read(`node_modules/${name}/package.json`).license);
  },
);

function read(path: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, path), "utf8")) as Manifest; // npm's own form
}
