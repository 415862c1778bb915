import { describe, expect, test } from "vitest";
import { readIni } from "./ini.ts";
import { emptyTree, reconciled } from "./tree.ts";
import { type Beside, flattened, labelsFrom, literalOf, plainValue, type Value } from "./variables.ts";

const text = (value: string): Value => ({ kind: "text", text: value });

test.each<[string, Value]>([
  ["23", text("23")],
  ["023", text("023")],
  ["1.10", text("1.1")],
  ["True", text("true")],
  ["FALSE", text("FALSE")],
  ["'23'", text("23")],
  ["None", { kind: "none" }],
  ["{{ zone }}", { kind: "other", what: "a template, which is not evaluated" }],
  ["['a', 'b']", { kind: "other", what: "no single value" }],
])("INI's %s", (literal, value) => expect(literalOf(literal)).toEqual(value));

test.each<[unknown, string]>([
  [2n, "2"],
  [2, "2.0"],
  [1.5, "1.5"],
  [true, "true"],
])("YAML's %s", (value, written) => expect(plainValue(value)).toEqual(text(written)));

test("an encrypted value stays what it is", () => {
  expect(plainValue("$ANSIBLE_VAULT;1.1;AES256\n6162")).toEqual({ kind: "other", what: "encrypted" });
});

const INI = `[all:vars]
zone=all
[prod:children]
web
db
[prod:vars]
zone=prod
[web]
w1
w2 zone=own # c
[web:vars]
zone=web
[db]
w1
[db:vars]
zone=db
secret=hunter2
`;

function zoneOf(host: string, more = "", beside: readonly Beside[] = []) {
  const tree = emptyTree(["zone"]);
  expect(readIni(`${INI}${more}`, tree)).toBeNull();
  return flattened(reconciled(tree), beside)(host).get("zone");
}

describe("precedence", () => {
  test("of groups at one depth the later name wins, unless it has less priority", () => {
    expect(zoneOf("w1")).toEqual(text("web"));
    expect(zoneOf("w1", "[db:vars]\nansible_group_priority=10\n")).toEqual(text("db"));
  });

  test("files beside the inventory go before its groups, and the host before all of them", () => {
    const beside = { groups: new Map([["prod", new Map([["zone", text("file")]])]]), hosts: new Map() };
    expect(zoneOf("w1", "", [beside])).toEqual(text("file"));
    expect(zoneOf("w2", "", [beside])).toEqual(text("own"));
  });

  test("what nobody asked for is not kept", () => {
    const tree = emptyTree(["zone"]);
    readIni(INI, tree);
    expect([...reconciled(tree).groups.values()].flatMap(({ variables }) => [...variables.keys()])).not.toContain(
      "secret",
    );
  });
});

describe("labels", () => {
  const map = new Map([["zone", "ec2_az"]]);
  const from = (value: Value, more: readonly (readonly [string, Value])[] = []) =>
    labelsFrom("web01", new Map([["ec2_az", value], ...more]), map);

  test("are those alone that were asked for, beside where the host is reached", () => {
    const found = from(text("eu-1"), [
      ["ansible_host", text("w1.example.net")],
      ["password", text("hunter2")],
    ]);
    expect(found).toEqual({ kind: "labels", labels: { zone: "eu-1" }, address: "w1.example.net" });
  });

  test("a host without the variable has none", () => {
    expect(labelsFrom("web01", new Map(), map)).toEqual({ kind: "labels", labels: {}, address: "" });
    expect(from({ kind: "none" })).toMatchObject({ labels: {} });
  });

  test.each<[string, Value, RegExp]>([
    ["an encrypted one", { kind: "other", what: "encrypted" }, /'ec2_az' of web01 is no label: it is encrypted/],
    ["a template", literalOf("{{ x }}"), /a template, which is not evaluated/],
    ["one with blanks", text("eu 1"), /must be letters/],
  ])("%s is refused", (_name, value, why) => expect(from(value)).toMatchObject({ why: expect.stringMatching(why) }));
});
