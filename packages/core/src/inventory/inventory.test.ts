import { describe, expect, test } from "vitest";
import { hostNames } from "./host-names.ts";
import { readIni } from "./ini.ts";
import { readListing, readYaml } from "./mapping.ts";
import { graph } from "./print.ts";
import { emptyTree, membersOf, reconciled } from "./tree.ts";
import { shellWords } from "./words.ts";

function membersIn(text: string, group: string) {
  const tree = emptyTree();
  expect(readIni(text, tree)).toBeNull();
  return membersOf(reconciled(tree), group);
}

describe("INI", () => {
  test("a host of all alone is ungrouped, one that has a group is not", () => {
    expect(membersIn("web1\nweb2\n[all]\nn1\n[web]\nweb2\n", "ungrouped")).toEqual(["web1", "n1"]);
  });

  test("hosts of children come after a group's own, and a child may be declared later", () => {
    expect(membersIn("[prod:children]\nweb\n[prod]\nx\n[web]\nweb[1:2]\n", "prod")).toEqual(["x", "web1", "web2"]);
  });

  test.each<[string, string, number, RegExp]>([
    ["a range that runs backwards", "web1\nweb[3:1]\n", 2, /runs backwards/],
    ["a blank in a section", "[web servers]\n", 1, /no section/],
    ["a section of no known kind", "[web:other]\n", 1, /no section/],
    ["a word behind a host", "web1 up\n", 1, /key=value/],
    ["a colon at the end", "web1:\n", 1, /no port/],
    ["a child without a section", "[a:children]\nb\n", 2, /has no section/],
    ["variables without a group", "\n[a:vars]\nx=1\n", 2, /has no group/],
    ["a line of variables without =", "[all:vars]\nx\n", 2, /key=value/],
    ["a group inside itself", "[a:children]\nb\n[b:children]\na\n", 4, /inside itself/],
    ["a quote that is not closed", "web1 a='x\n", 1, /not closed/],
    ["a YAML marker", "---\n", 1, /no host name/],
  ])("%s is refused, with its line", (_name, text, line, why) => {
    expect(readIni(text, emptyTree())).toEqual({ line, why: expect.stringMatching(why) });
  });
});

const yaml = (entries: readonly (readonly [string, unknown])[]) => new Map(entries);

test.each<[string, unknown, RegExp]>([
  ["hosts as a list", yaml([["web", yaml([["hosts", ["web1"]]])]]), /no mapping/],
  ["a plugin's configuration", yaml([["plugin", "aws_ec2"]]), /plugin/],
  ["a list", ["web1"], /no mapping/],
  ["a misspelt key", yaml([["web", yaml([["host", null]])]]), /neither hosts nor/],
])("YAML: %s is refused", (_name, document, why) => {
  expect(readYaml(document, emptyTree())?.why).toMatch(why);
});

test("a listing of ansible-inventory is read back", () => {
  const tree = emptyTree();
  const document = yaml([
    ["_meta", yaml([["hostvars", new Map()]])],
    ["all", yaml([["children", ["ungrouped", "web"]]])],
    ["web", yaml([["hosts", ["web1", "web2"]]])],
  ]);
  expect(readListing(document, tree)).toBeNull();
  expect(membersOf(reconciled(tree), "all")).toEqual(["web1", "web2"]);
});

test.each<[string, readonly string[]]>([
  ["web[08:10].example.net:22", ["web08.example.net", "web09.example.net", "web10.example.net"]],
  ["[2001:db8::5]:22", ["2001:db8::5"]],
  ["2001:db8::5", ["2001:db8::5"]],
  ["10.0.0.5:2222", ["10.0.0.5"]],
  ["n[:2]", ["n0", "n1", "n2"]],
])("names of %s", (text, names) => expect(hostNames(text)).toEqual({ kind: "names", names }));

test.each<[string, readonly string[] | null]>([
  ["web1 a='x y' # c", ["web1", "a=x y"]],
  ["web1#c a=1", ["web1"]],
  ['web1 q="# no"', ["web1", "q=# no"]],
  ["web1 a=x\\ y", ["web1", "a=x y"]],
  ["web1 'x", null],
])("words of %s", (line, words) => expect(shellWords(line)).toEqual(words));

test("groups that share their children are drawn so far as anybody reads", () => {
  const levels = Array.from(
    { length: 40 },
    (_, n) => `[a${n}:children]\na${n + 1}\nb${n + 1}\n[b${n}:children]\na${n + 1}\nb${n + 1}\n`,
  );
  const tree = emptyTree();
  expect(readIni(`${levels.join("")}[a40]\nx\n[b40]\ny\n`, tree)).toBeNull();
  const lines = graph(reconciled(tree));
  expect([lines.length, lines.at(-1)]).toEqual([100_001, "... more than 100000 lines"]);
});
