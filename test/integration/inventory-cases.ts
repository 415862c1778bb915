import fc from "fast-check";

/** Sources as they are named after `-i`, what is beside the first one, and patterns with their limits. */
export interface Case {
  readonly sources: readonly Source[];
  /** Paths and texts of group_vars and host_vars. */
  readonly beside: readonly (readonly [path: string, text: string])[];
  readonly patterns: readonly string[];
  /** Null: none. */
  readonly limits: readonly (string | null)[];
}

export type Source =
  | { readonly kind: "names"; readonly text: string }
  | {
      readonly kind: "file" | "directory";
      readonly files: readonly { readonly name: string; readonly text: string }[];
    };

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
const wanted = fc.constantFrom("zone", "rack");
const literal = fc.constantFrom(
  "a",
  "eu-1",
  "23",
  "023",
  "1.10",
  "2.0",
  "True",
  "False",
  "'7'",
  "None",
  "a=b",
  "-4",
  "+3",
);
const hostLine = fc
  .tuple(
    host,
    fc.constantFrom("", " a=1", " s='x y' # c", ' q="# no"'),
    fc.option(fc.tuple(wanted, literal), { freq: 2 }),
  )
  .map(([name, rest, value]) => `${name}${value ? ` ${value.join("=")}` : ""}${rest}`);
const hosts = fc.tuple(fc.option(group), fc.array(hostLine, { maxLength: 4 }));
const variables = fc.tuple(group, fc.constantFrom("max=23 # kept", "ansible_group_priority=10"), wanted, literal);
const ini = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: hosts.map(([name, lines]) => [...(name === null ? [] : [`[${name}]`]), ...lines]) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(group, fc.array(group, { maxLength: 2 }))
          .map(([name, all]) => [`[${name}]`, `[${name}:children]`, ...all]),
      },
      {
        weight: 2,
        arbitrary: variables.map(([name, line, key, value]) => [
          `[${name}]`,
          `[${name}:vars]  # of all`,
          line,
          `${key} = ${value}`,
        ]),
      },
      { weight: 1, arbitrary: fc.tuple(wanted, literal).map((parts) => ["[all:vars]", parts.join("=")]) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(["; note"], [""], ["[broken one]"], ["[web:other]"], ["web7 novalue"], ["web8:"]),
      },
    ),
    { maxLength: 7 },
  )
  .map((parts) => ({ name: "hosts", text: `${parts.flat().join("\n")}\n` }));

const plain = fc.constantFrom<string | number | boolean | null>("a", "eu-1", 23, "023", 1.5, true, false, null);
const some = fc.dictionary(wanted, plain, { maxKeys: 2, noNullPrototype: true });
const names = fc.dictionary(host, fc.option(some), { maxKeys: 3, noNullPrototype: true });
const inside = fc.record({ hosts: names, vars: some }, { requiredKeys: [], noNullPrototype: true });
const outside = fc.record(
  {
    hosts: names,
    vars: some,
    children: fc.dictionary(group, fc.option(inside), { maxKeys: 2, noNullPrototype: true }),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const yaml = fc
  .dictionary(fc.oneof(group, fc.constant("all")), outside, { minKeys: 1, maxKeys: 3, noNullPrototype: true })
  .map((document) => ({ name: "hosts.yaml", text: JSON.stringify(document) }));

const source: fc.Arbitrary<Source> = fc.oneof(
  { weight: 6, arbitrary: fc.oneof(ini, yaml).map((file) => ({ kind: "file" as const, files: [file] })) },
  {
    weight: 2,
    arbitrary: fc.tuple(ini, yaml).map(([a, b]) => ({
      kind: "directory" as const,
      files: [
        { ...a, name: "10-hosts" },
        { ...b, name: "20-hosts.yml" },
        { name: "old.bak", text: "no1\n" },
      ],
    })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "names" as const, text: "web1,n9," }) },
);

const text = some.map((values) => JSON.stringify(values));
const beside = fc.array(
  fc.tuple(
    fc.constantFrom(
      "group_vars/all",
      "group_vars/all.yml",
      "group_vars/web.yml",
      "group_vars/web.json",
      "group_vars/db/1.yml",
      "group_vars/db/2",
      "group_vars/db/.3",
      "host_vars/web1",
      "host_vars/web01.yaml",
      "host_vars/n02/a.json",
      "host_vars/n02/a.txt",
    ),
    text,
  ),
  { maxLength: 5 },
);

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

export const cases: fc.Arbitrary<Case> = fc.record({
  sources: fc.array(source, { minLength: 1, maxLength: 2 }),
  beside,
  patterns: fc.array(pattern, { minLength: 20, maxLength: 20 }),
  limits: fc.array(fc.option(pattern, { freq: 1 }), { minLength: 20, maxLength: 20 }),
});
