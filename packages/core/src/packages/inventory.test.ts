import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bareName,
  contentName,
  type InventoryEntry,
  mergeInventory,
  packageOfContent,
  parseInventory,
  serializeInventory,
} from "./inventory.ts";

const SSL = "/usr/lib/libssl.so.3";

function entry(
  version: string,
  more: Partial<InventoryEntry> & { content?: string; name?: string } = {},
): InventoryEntry {
  const { content = `build-id:${version}`, name = "libssl3", ...rest } = more;
  const owned = { content, name, architecture: "amd64", version, installedAt: 5 };
  return { path: SSL, key: `k${version}`, owned, seenAt: 7, ...rest };
}

function changed(one: InventoryEntry): InventoryEntry {
  return { ...one, owned: one.owned && { ...one.owned, version: null } };
}

describe("the package of what is in memory", () => {
  const ask = { path: SSL, content: "build-id:1-1", owner: "libssl3" };
  test.each([
    ["by what was at the path", [entry("1-1"), entry("1-2")], ask, "1-1"],
    ["nothing of this content", [entry("1-2")], ask, null],
    ["the same content in two versions", [entry("1-1"), entry("1-2", { content: "build-id:1-1" })], ask, null],
    ["the same content seen twice", [entry("1-1"), entry("1-1", { key: "k2" })], ask, "1-1"],
    ["moved within its package", [entry("1-1", { path: "/lib/old" })], ask, "1-1"],
    ["elsewhere, of another package", [entry("1-1", { path: "/lib/old", name: "copycat" })], ask, null],
    [
      "what was at the path counts before what was elsewhere",
      [entry("1-1"), entry("9", { path: "/x", content: "build-id:1-1" })],
      ask,
      "1-1",
    ],
    ["gone: by path alone", [entry("1-1")], { ...ask, owner: null }, "1-1"],
    ["gone: elsewhere proves nothing", [entry("1-1", { path: "/lib/old" })], { ...ask, owner: null }, null],
    ["changed by hand, then seen again", [entry("1-1"), changed(entry("1-1"))], ask, "1-1"],
    ["changed by hand", [changed(entry("1-1"))], ask, null],
    ["a file of nobody", [entry("1-1", { owned: null })], ask, null],
  ])("%s", (_name, entries, question, expected) => {
    expect(packageOfContent(entries, question)?.version ?? null).toBe(expected);
  });
});

test("one entry for one path, content and version: the newer one", () => {
  const [old, seen] = [entry("1-1", { seenAt: 1 }), entry("1-1", { seenAt: 2, key: "new" })];
  expect(mergeInventory([old], [seen])).toEqual([seen]);
  expect(mergeInventory([old], [entry("1-2", { seenAt: 2 })])).toHaveLength(2);
});

test("of too many the oldest go, and files of nobody drive out no others", () => {
  const owned = Array.from({ length: 9000 }, (_, index) => entry(`1-${index}`, { seenAt: index }));
  const nobodys = Array.from({ length: 9000 }, (_, index) =>
    entry("x", { path: `/home/${index}`, owned: null, seenAt: 99_999 }),
  );
  const kept = mergeInventory(owned, nobodys);
  expect(kept.length).toBe(8192);
  expect(kept.filter((one) => one.owned !== null).map(({ seenAt }) => seenAt)).not.toContain(1000);
  expect(kept.filter((one) => one.owned !== null)).toHaveLength(7168);
  expect(parseInventory(serializeInventory(kept))).toEqual(kept);
});

test.each([
  ["nothing", ""],
  ["half of it", serializeInventory([entry("1-1")]).slice(0, 60)],
  ["another version", serializeInventory([entry("1-1")]).replace("/v1", "/v2")],
  ["a list", "[]"],
  ["null", "null"],
  ["a row with too little", '{"schema":"afterpatch.inventory/v1","files":[["/a","k"]]}'],
  ["a path that is none", '{"schema":"afterpatch.inventory/v1","files":[["a","k",1]]}'],
  ["a time that is none", '{"schema":"afterpatch.inventory/v1","files":[["/a","k",-1]]}'],
  ["a version that is a number", '{"schema":"afterpatch.inventory/v1","files":[["/a","k",1,"c","n","a",1,1]]}'],
])("no inventory: %s", (_name, text) => expect(parseInventory(text)).toBeNull());

test("an inventory survives being written", () => {
  const text = fc.string({ minLength: 1, maxLength: 20 });
  const instant = fc.nat();
  const owned = fc.record({
    content: text,
    name: text,
    architecture: text,
    version: fc.option(text),
    installedAt: instant,
  });
  const any = fc.record({ path: text.map((name) => `/${name}`), key: text, owned: fc.option(owned), seenAt: instant });
  fc.assert(
    fc.property(fc.array(any), (entries) => {
      expect(parseInventory(serializeInventory(entries))).toEqual(entries);
    }),
  );
  fc.assert(
    fc.property(fc.json(), (json) => {
      parseInventory(json);
    }),
  );
});

test.each([
  ["libc6", "libc6"],
  ["libc6:i386", "libc6"],
  ["glibc.i686", "glibc"],
  ["python3.11", "python3.11"],
])("%s is called %s", (shown, name) => expect(bareName(shown)).toBe(name));

test.each([
  [{ kind: "build-id", hex: "ab" } as const, "build-id:ab"],
  [{ kind: "sha256", hex: "cd" } as const, "sha256:cd"],
  [{ kind: "missing" } as const, null],
  [{ kind: "unreadable", why: "x" } as const, null],
])("name of a content %#", (content, expected) => expect(contentName(content)).toBe(expected));
