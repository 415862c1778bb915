import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readBeside } from "@afterpatch/cli/inventory/beside";
import { readInventory } from "@afterpatch/cli/inventory/read";
import { selectIn } from "@afterpatch/core/fleet/select";
import { inventoryRoster } from "@afterpatch/core/inventory/roster";
import type { Inventory } from "@afterpatch/core/inventory/tree";
import { flattened } from "@afterpatch/core/inventory/variables";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Case, cases } from "./inventory-cases.ts";

// Inventories, variables and patterns, read by us and by Ansible's own code.

const PYTHON = "/usr/bin/python3";
const isHere = spawnSync(PYTHON, ["-c", "import ansible"]).status === 0;
const missing = isHere ? null : "ansible-core is not installed";
if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());

const INVENTORIES = Number(process.env.AFTERPATCH_INVENTORIES ?? 150);
const WANTED = ["zone", "rack"];

interface Answer {
  readonly groups: Readonly<
    Record<string, { readonly hosts: readonly string[]; readonly children: readonly string[] }>
  >;
  /** How many sources were read. */
  readonly parsed: number;
  readonly patterns: readonly (readonly string[] | null)[];
  readonly variables: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly listing: string | null;
}

interface Compared {
  inventories: number;
  listings: number;
  variables: number;
  patterns: number;
}

describe.skipIf(missing !== null)(`Ansible agrees${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "afterpatch-inventory-"));
    mkdirSync(join(folder, "empty"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("on inventories, and on which hosts patterns select", async () => {
    const sampled = fc.sample(cases, { numRuns: INVENTORIES, seed: fc.readConfigureGlobal().seed ?? 1 });
    const placed = sampled.map((one, index) => place(one, join(folder, String(index))));
    const input = sampled.map(({ patterns, limits }, index) =>
      JSON.stringify({ sources: placed[index], patterns, limits, variables: WANTED, isListed: index % 5 === 0 }),
    );
    const said = spawnSync(PYTHON, [join(import.meta.dirname, "inventory-oracle.py")], {
      input: input.join("\n"),
      encoding: "utf8",
      maxBuffer: 1 << 28,
      // Ansible reads group_vars of where it stands too.
      cwd: join(folder, "empty"),
      env: { ...process.env, ANSIBLE_LOCALHOST_WARNING: "False" },
    });
    const answers = said.stdout
      .trimEnd()
      .split("\n")
      .map((line): Answer => JSON.parse(line));
    expect(answers.length, said.stderr).toBe(sampled.length);
    const compared: Compared = { inventories: 0, listings: 0, variables: 0, patterns: 0 };
    for (const [index, one] of sampled.entries())
      await compare(one, placed[index] ?? [], answers[index], compared, folder);
    expect(compared.inventories).toBeGreaterThan(INVENTORIES / 10);
    expect(compared.patterns).toBeGreaterThan(INVENTORIES / 2);
    console.log(`compared: ${JSON.stringify(compared)}`);
  }, 600_000);
});

/** Writes the sources of a case; how they are named after `-i`. */
function place({ sources, beside }: Case, folder: string): readonly string[] {
  const put = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o644 });
  };
  for (const [path, text] of beside) put(join(folder, "0", path), text);
  return sources.map((source, index) => {
    if (source.kind === "names") return source.text;
    const directory = join(folder, String(index));
    for (const { name, text } of source.files) put(join(directory, name), text);
    const [only] = source.files;
    return source.kind === "file" && only ? join(directory, only.name) : directory;
  });
}

async function compare(
  one: Case,
  sources: readonly string[],
  answer: Answer | undefined,
  compared: Compared,
  folder: string,
) {
  const text = JSON.stringify(one);
  const ours = await readInventory(sources, { wanted: WANTED }).catch(() => null);
  // Rule: what is refused is refused whole; Ansible goes on to read refused YAML as INI, and keeps what came before.
  if (
    one.sources.every((source) => source.kind === "file" && source.files[0]?.name === "hosts") &&
    sources.length === 1
  )
    expect(ours !== null, text).toBe(answer?.parsed === 1);
  if (ours === null || answer === undefined) return;
  compared.inventories++;
  expect(groupsOf(ours), text).toEqual(answer.groups);
  compared.variables += await compareVariables(ours, sources, answer, text);
  if (answer.listing !== null) {
    await compareListing(answer.listing, folder, answer, text);
    compared.listings++;
  }
  comparePatterns(one, ours, answer, compared);
}

function groupsOf({ groups }: Inventory) {
  return Object.fromEntries(
    [...groups.values()].map(({ name, hosts, children }) => [name, { hosts: [...hosts], children: [...children] }]),
  );
}

async function compareVariables(ours: Inventory, sources: readonly string[], { variables }: Answer, text: string) {
  const known = flattened(ours, await readBeside(sources, ours, new Set(WANTED)));
  const said = [...ours.hosts].map((host) => {
    const values = [...known(host)].map(([key, value]) => [key, value.kind === "text" ? value.text : "None"]);
    return [host, Object.fromEntries(values)];
  });
  // Rule: a label is true, where Python is True.
  const theirs = Object.entries(variables).map(([host, values]) => [
    host,
    Object.fromEntries(
      Object.entries(values).map(([key, value]) => [
        key,
        value.replace(/^(?:True|False)$/, (word) => word.toLowerCase()),
      ]),
    ),
  ]);
  expect(Object.fromEntries(said), text).toEqual(Object.fromEntries(theirs));
  return Object.values(variables).reduce((count, values) => count + Object.keys(values).length, 0);
}

/** What `ansible-inventory --list` prints, read back. */
async function compareListing(listing: string, place: string, answer: Answer, text: string) {
  const path = join(place, "listing.json");
  writeFileSync(path, listing, { mode: 0o644 });
  const ours = await readInventory([path], { wanted: WANTED });
  const members = (groups: Answer["groups"]) =>
    Object.fromEntries(
      // Rule: a listing leaves out groups without hosts and children, and has the hosts of `all` in `ungrouped`.
      Object.entries(groups)
        .filter(([name, { hosts, children }]) => name !== "all" && hosts.length + children.length > 0)
        .map(([name, { hosts, children }]) => [name, { hosts: [...hosts].sort(), children: [...children].sort() }]),
    );
  expect(members(groupsOf(ours)), text).toEqual(members(answer.groups));
  await compareVariables(ours, [], answer, text);
}

function comparePatterns({ patterns, limits }: Case, ours: Inventory, answer: Answer, compared: Compared): void {
  const roster = inventoryRoster(ours);
  for (const [at, each] of patterns.entries()) {
    const limit = limits[at] ?? null;
    const selection = selectIn(each, roster, limit === null ? [] : [limit]);
    // Rule: a term that matches nothing, an empty selection and a pattern that we refuse are errors; Ansible goes on.
    if (selection.kind !== "selected") continue;
    const typed = `${each} ${limit ?? ""}`;
    // Rule: `*a*` and `a*` do not match the implied group all.
    if (typed.includes("*a*")) continue;
    // Rule: a subscript counts each host once; Ansible counts it again where a glob matches it and its groups.
    if (/[*?\]]\[[-0-9:]+\]/.test(typed)) continue;
    // Rule: groups below groups come level by level, as written; Ansible goes through a set, in no order.
    const isDeep = [...ours.groups.values()].some(({ name, children }) => name !== "all" && children.size > 0);
    if (isDeep && typed.includes("[")) continue;
    const inOrder = (hosts: readonly string[]) => (isDeep ? [...hosts].sort() : hosts);
    expect(inOrder(selection.hosts), `${JSON.stringify(groupsOf(ours))}\n${typed}`).toEqual(
      inOrder(answer.patterns[at] ?? []),
    );
    compared.patterns++;
  }
}
