import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseConfig } from "@afterpatch/agent/config/parse";
import { parseDuration } from "@afterpatch/core/duration";
import { DEFAULT_POLICY } from "@afterpatch/core/policy/defaults";
import { AGENT_FILE_KEYS } from "@afterpatch/core/policy/keys";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { keysOf } from "../../deploy/reference/keys.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const EXAMPLE = readFileSync(join(ROOT, "deploy/agent.yaml"), "utf8");
const SCHEMA: Schema = JSON.parse(readFileSync(join(ROOT, "docs/agent.schema.json"), "utf8"));

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly else?: Schema;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

type Tree = true | { readonly [key: string]: Tree };

/** `windows[].days`: the type does not say what is a list, so lists are named here. */
const LISTS = new Set([
  "windows",
  "applications",
  "checks",
  "hooks.beforeApply",
  "hooks.afterApply",
  "hooks.beforeStep",
  "hooks.afterStep",
]);

function keysOfType(tree: Tree, path = ""): readonly string[] {
  const own = path === "" ? [] : [path];
  if (tree === true) return own;
  const below = LISTS.has(path) ? `${path}[].` : path === "" ? "" : `${path}.`;
  return [...own, ...Object.entries(tree).flatMap(([key, value]) => keysOfType(value, below + key))];
}

function keysOfSchema(given: Schema, path = ""): readonly string[] {
  const schema = { ...given, ...(given.$ref ? SCHEMA.$defs?.[given.$ref.replace("#/$defs/", "")] : {}) };
  if (schema.items) {
    const items = keysOfSchema(schema.items, `${path}[]`);
    return items.length === 1 ? [path] : [path, ...items.slice(1)];
  }
  const own = path === "" ? [] : [path];
  if (schema.else) return keysOfSchema(schema.else, path);
  return [
    ...own,
    ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
      keysOfSchema(value, path === "" ? key : `${path}.${key}`),
    ),
  ];
}

const rows = keysOf(SCHEMA);

test("schema and type have the same keys", () => {
  expect([...keysOfSchema(SCHEMA)].toSorted()).toEqual([...keysOfType(AGENT_FILE_KEYS)].toSorted());
});

test("docs/reference/agent-yaml.md has a line for each key of the type, and no other", () => {
  const written = rows.map(({ path }) => path).filter((path) => !path.endsWith(".*"));
  // Hooks and checks have the same keys, which are told once.
  const known = keysOfType(AGENT_FILE_KEYS).filter(
    (key) => !/^(?:hooks\.after\w+|hooks\.beforeStep|checks)\[\]/.test(key),
  );
  expect(written.toSorted()).toEqual(known.toSorted());
});

test("docs/reference/agent-yaml.md has the defaults that hold", () => {
  const standard = new Map(rows.map((row) => [row.path, row.standard]));
  const { caps, graceMs, settleMs, vetoes, denyFile, scanAfterPackageChanges } = DEFAULT_POLICY;
  const ms = (key: string) => parseDuration(standard.get(key) ?? "");
  expect(standard.get("caps.reboots")).toBe(String(caps.reboots));
  expect(ms("caps.minimumUptime")).toBe(caps.minimumUptimeMs);
  expect([ms("grace"), ms("settle")]).toEqual([graceMs, settleMs]);
  expect(ms("scanAfterPackageChanges.quiet")).toBe(scanAfterPackageChanges.quietMs);
  expect(standard.get("scanAfterPackageChanges.enabled")).toBe(String(scanAfterPackageChanges.enabled));
  expect(standard.get("vetoes.inhibitors")).toBe(String(vetoes.inhibitors));
  expect(standard.get("vetoes.usersLoggedIn")).toBe(String(vetoes.usersLoggedIn));
  expect(standard.get("denyFile")).toBe(denyFile);
});

test("deploy/agent.yaml is valid and has every key", () => {
  const policy = parseConfig(EXAMPLE, "deploy/agent.yaml");
  expect(policy.applications.map(({ name }) => name)).toEqual(["shop", "batch", "front"]);
  const keys = keysOfType(AGENT_FILE_KEYS).filter((key) => !/^hooks\.(?:before|after)Step\[\]/.test(key));
  expect(keys.filter((key) => !has(parse(EXAMPLE), key.split(".")))).toEqual(["applications[].match.unit"]);
});

test("what deploy/agent.yaml shows as the default is it", () => {
  const policy = parseConfig(EXAMPLE, "deploy/agent.yaml");
  const { verbs, denyFile, vetoes, graceMs, settleMs, scanAfterPackageChanges } = DEFAULT_POLICY;
  expect(policy).toMatchObject({ verbs, denyFile, vetoes, graceMs, settleMs, scanAfterPackageChanges });
  expect([policy.caps.reboots, policy.caps.minimumUptimeMs]).toEqual([2, 900_000]);
});

/** Is there such a key, in any entry of the lists on the way? */
function has(value: unknown, [key = "", ...rest]: readonly string[]): boolean {
  if (typeof value !== "object" || value === null) return false;
  const [name = "", isList] = key.split("[]");
  if (!(name in value)) return false;
  const inside = new Map(Object.entries(value)).get(name);
  if (rest.length === 0) return true;
  return isList === undefined ? has(inside, rest) : Array.isArray(inside) && inside.some((entry) => has(entry, rest));
}
