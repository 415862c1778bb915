import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DEFAULT_CONFIG } from "@afterpatch/controller/config/config";
import { CONTROLLER_FILE_KEYS } from "@afterpatch/controller/config/file";
import { parseControllerFile } from "@afterpatch/controller/config/parse";
import { parseDuration } from "@afterpatch/core/duration";
import { expect, test } from "vitest";
import { keysOf as rowsOf } from "../../deploy/reference/keys.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const EXAMPLE = readFileSync(join(ROOT, "deploy/controller.yaml"), "utf8");
const SCHEMA: Schema = JSON.parse(readFileSync(join(ROOT, "docs/controller.schema.json"), "utf8"));

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}
type Tree = true | { readonly [key: string]: Tree };

/** Lists of mappings; the type does not say which they are. */
const LISTS: ReadonlySet<string> = new Set(["webhooks"]);

function keysOfType(tree: Tree, path = ""): readonly string[] {
  if (tree === true) return [path];
  const below = path === "" ? "" : LISTS.has(path) ? `${path}[].` : `${path}.`;
  return Object.entries(tree).flatMap(([key, value]) => keysOfType(value, below + key));
}

function keysOfSchema(schema: Schema, path = ""): readonly string[] {
  if (schema.items?.properties) return keysOfSchema(schema.items, `${path}[]`);
  if (!schema.properties) return [path];
  const below = path === "" ? "" : `${path}.`;
  return Object.entries(schema.properties).flatMap(([key, value]) => keysOfSchema(value, below + key));
}

function keysOf(value: unknown, path = ""): readonly string[] {
  if (Array.isArray(value) && LISTS.has(path)) return value.flatMap((one) => keysOf(one, `${path}[]`));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, one]) => keysOf(one, path === "" ? key : `${path}.${key}`));
}

const KEYS = keysOfType(CONTROLLER_FILE_KEYS).toSorted();

const ROWS = rowsOf(SCHEMA);

test("schema, page and type have the same keys", () => {
  expect(keysOfSchema(SCHEMA).toSorted()).toEqual(KEYS);
  const holders = ["ports", "retention", "webhooks"];
  expect(
    ROWS.map(({ path }) => path)
      .filter((path) => !holders.includes(path))
      .toSorted(),
  ).toEqual(KEYS);
});

test("the example holds and has every key", async () => {
  const { parse } = await import("yaml");
  expect([...new Set(keysOf(parse(EXAMPLE)))].toSorted()).toEqual(KEYS);
  const { reportIntervalMs, lostAfterMs } = parsed("").config;
  expect(parseControllerFile(EXAMPLE)).toMatchObject({
    kind: "file",
    file: { listen: "192.0.2.10", ports: { http: 7480 }, config: { reportIntervalMs, lostAfterMs } },
  });
});

test("without a word the defaults hold, and they are those of the page", () => {
  expect(parsed("# nothing\n")).toMatchObject({
    listen: undefined,
    config: { reportIntervalMs: 1_800_000, lostAfterMs: 3_600_000 },
  });
  const standard = new Map(ROWS.map((row) => [row.path, row.standard ?? ""]));
  const ms = (key: string) => parseDuration(standard.get(key) ?? "");
  const { reportIntervalMs, retention } = DEFAULT_CONFIG;
  expect(ms("reportInterval")).toBe(reportIntervalMs);
  expect([ms("retention.reports"), ms("retention.events")]).toEqual([retention.reportsMs, retention.eventsMs]);
  expect(standard.get("retention.reportsPerHost")).toBe(String(retention.reportsPerHost));
  expect(standard.get("retention.mostEvents")).toBe(String(retention.mostEvents));
});

test("a longer interval has hosts lost later", () => {
  expect(parsed("reportInterval: 6h\n").config).toMatchObject({ lostAfterMs: 43_200_000 });
});

function parsed(text: string) {
  const read = parseControllerFile(text);
  if (read.kind === "invalid") throw new Error(JSON.stringify(read.mistakes));
  return read.file;
}

test.each<[string, string, number, string, string]>([
  ["an unknown key", "ports: {http: 1}\nport: 3\n", 2, "port", "unknown key; did you mean ports?"],
  ["an unknown key below", "ports:\n  flet: 3\n", 2, "ports.flet", "did you mean fleet?"],
  ["a duplicate key", "listen: a\nlisten: b\n", 2, "listen", "duplicate key"],
  ["a port that is none", "ports: {fleet: 70000}\n", 1, "ports.fleet", "65535 at most"],
  ["an address with a port", "listen: 192.0.2.1:7443\n", 1, "listen", "without a port"],
  ["a path that is relative", "\nhooksDir: hooks\n", 2, "hooksDir", "not an absolute path"],
  ["an interval in other words", "reportInterval: 30\n", 1, "reportInterval", "has to be text"],
  ["an interval of a second", "reportInterval: 1s\n", 1, "reportInterval", "not between 10s and 7d"],
  ["a webhook without an address", "webhooks:\n  - on: []\n", 2, "webhooks[0].url", "is missing"],
  ["an address of another kind", "webhooks:\n  - url: ftp://x\n", 2, "webhooks[0].url", "begins with http"],
  ["a password in an address", "webhooks: [{url: 'https://a:b@x/'}]\n", 1, "webhooks[0].url", "secretFile"],
  ["a type that is none", "webhooks: [{url: 'http://x', on: [host.los]}]\n", 1, "webhooks[0].on[0]", "mean host.lost?"],
  [
    "an old secret alone",
    "webhooks: [{url: 'http://x', oldSecretFile: /a}]\n",
    1,
    "webhooks[0].oldSecretFile",
    "needs",
  ],
  ["lost sooner than reports come", "reportInterval: 1h\nlostAfter: 1h\n", 2, "lostAfter", "at least, 90m"],
])("%s is a mistake with its line", (_name, text, line, key, what) => {
  const read = parseControllerFile(text);
  expect(read.kind === "invalid" ? read.mistakes : []).toEqual([{ line, key, what: expect.stringContaining(what) }]);
});
