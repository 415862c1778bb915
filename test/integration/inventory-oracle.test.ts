import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readInventory } from "@afterpatch/cli/inventory/read";
import { selectIn } from "@afterpatch/core/fleet/select";
import { inventoryRoster } from "@afterpatch/core/inventory/roster";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// Inventories and patterns, read by us and by Ansible's own code.

const PYTHON = "/usr/bin/python3";
const isHere = spawnSync(PYTHON, ["-c", "import ansible"]).status === 0;
const missing = isHere ? null : "ansible-core is not installed";
if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());

const INVENTORIES = Number(process.env.AFTERPATCH_INVENTORIES ?? 300);

interface Answer {
  readonly groups: Readonly<
    Record<string, { readonly hosts: readonly string[]; readonly children: readonly string[] }>
  >;
  readonly isParsed: boolean;
  readonly patterns: readonly (readonly string[] | null)[];
}

const group = fc.constantFrom("web", "db", "canary", "zone_a", "h0");
const host = fc.constantFrom(
  "web1",
  "web01",
  "db1.example.net",
  "web[1:3]",
  "n[01:03]",
  "h0[1:5:2]",
  "x[a:c]",
  "10.0.0.5:22",
  "a-b",
);
const hostLine = fc
  .tuple(host, fc.constantFrom("", " a=1", " s='x y' # c", ' q="# no"'))
  .map((parts) => parts.join(""));
const hosts = fc.tuple(fc.option(group), fc.array(hostLine, { maxLength: 4 }));
const ini = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: hosts.map(([name, lines]) => [...(name === null ? [] : [`[${name}]`]), ...lines]) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(group, fc.array(group, { maxLength: 2 }))
          .map(([name, all]) => [`[${name}:children]`, ...all]),
      },
      { weight: 1, arbitrary: group.map((name) => [`[${name}:vars]  # of all`, "max=23 # kept"]) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(["; note"], [""], ["[broken one]"], ["[web:other]"], ["web7 novalue"], ["web8:"]),
      },
    ),
    { maxLength: 7 },
  )
  .map((parts) => ({ name: "hosts", text: `${parts.flat().join("\n")}\n` }));
const names = fc.dictionary(host, fc.constant(null), { maxKeys: 3, noNullPrototype: true });
const inside = fc.record({ hosts: names }, { noNullPrototype: true });
const outside = fc.record(
  { hosts: names, children: fc.dictionary(group, fc.option(inside), { maxKeys: 2, noNullPrototype: true }) },
  { requiredKeys: [], noNullPrototype: true },
);
const yaml = fc
  .dictionary(fc.oneof(group, fc.constant("all")), outside, { minKeys: 1, maxKeys: 3, noNullPrototype: true })
  .map((document) => ({ name: "hosts.yaml", text: JSON.stringify(document) }));

const word = fc.oneof(
  group,
  fc.constantFrom("all", "ungrouped", "web1", "n02", "web*", "n0?", "*.net", "x[ab]*", "*a*", "w[!e]*"),
  fc.constantFrom("~w", "~(?:web|db)\\d?$", "~.*1", "~n0[12]$", "~x[a-b]", "~.*\\.net$", "~h0|web01"),
);
const term = fc
  .tuple(fc.constantFrom("", "", "", "&", "!"), word, fc.constantFrom("", "", "", "[0]", "[-1]", "[0:1]", "[1:]"))
  .map((parts) => parts.join(""));
const pattern = fc
  .tuple(fc.constantFrom(":", ","), fc.array(term, { minLength: 1, maxLength: 4 }))
  .map(([sign, all]) => all.join(sign));
const cases = fc.record({ file: fc.oneof(ini, yaml), patterns: fc.array(pattern, { minLength: 20, maxLength: 20 }) });

describe.skipIf(missing !== null)(`Ansible agrees${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "afterpatch-inventory-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("on inventories, and on which hosts patterns select", async () => {
    const sampled = fc.sample(cases, { numRuns: INVENTORIES, seed: fc.readConfigureGlobal().seed ?? 1 });
    const sources = sampled.map(({ file: { name, text } }, index) => {
      const source = join(folder, `${index}-${name}`);
      writeFileSync(source, text, { mode: 0o644 });
      return source;
    });
    const input = sampled.map(({ patterns }, index) => JSON.stringify({ source: sources[index], patterns })).join("\n");
    const said = spawnSync(PYTHON, [join(import.meta.dirname, "inventory-oracle.py")], {
      input,
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    const answers = said.stdout
      .trimEnd()
      .split("\n")
      .map((line): Answer => JSON.parse(line));
    expect(answers.length, said.stderr).toBe(sampled.length);
    let compared = 0;
    for (const [index, { file, patterns }] of sampled.entries()) {
      compared += await compare(sources[index] ?? "", file.text, patterns, answers[index]);
    }
    expect(compared).toBeGreaterThan(INVENTORIES / 2);
    console.log(`inventories: ${sampled.length}, patterns that both understood: ${compared}`);
  });
});

/** How many patterns were compared. */
async function compare(source: string, text: string, patterns: readonly string[], answer: Answer | undefined) {
  const ours = await readInventory([source]).catch(() => null);
  // Rule: what is refused is refused whole; Ansible goes on to read refused YAML as INI, and keeps what came before.
  if (ours !== null || source.endsWith("hosts")) expect(ours !== null, text).toBe(answer?.isParsed);
  if (ours === null || answer === undefined) return 0;
  const groups = [...ours.groups.values()].map((each) => [
    each.name,
    { hosts: [...each.hosts], children: [...each.children] },
  ]);
  expect(Object.fromEntries(groups), text).toEqual(answer.groups);
  const roster = inventoryRoster(ours);
  let compared = 0;
  for (const [at, each] of patterns.entries()) {
    const selection = selectIn(each, roster);
    // Rule: a term that matches nothing, an empty selection and a pattern that we refuse are errors; Ansible goes on.
    if (selection.kind !== "selected") continue;
    // Rule: `*a*` and `a*` do not match the implied group all.
    if (each.includes("*a*")) continue;
    // Rule: a subscript counts each host once; Ansible counts it again where a glob matches it and its groups.
    if (/[*?\]]\[[-0-9:]+\]/.test(each)) continue;
    const theirs = answer.patterns[at] ?? [];
    // Rule: groups below groups come level by level, as written; Ansible goes through a set, in no order.
    const isDeep = [...ours.groups.values()].some(({ name, children }) => name !== "all" && children.size > 0);
    if (isDeep && each.includes("[")) continue;
    const inOrder = (hosts: readonly string[]) => (isDeep ? [...hosts].sort() : hosts);
    expect(inOrder(selection.hosts), `${text}\n${each}`).toEqual(inOrder(theirs));
    compared++;
  }
  return compared;
}
