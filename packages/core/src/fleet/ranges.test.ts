import { expect, test } from "vitest";
import { foldHosts, unfold } from "./ranges.ts";

const counted = (from: number, to: number, width: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `n${String(from + index).padStart(width, "0")}`);

test.each<[string, readonly string[], string]>([
  ["nothing", [], ""],
  ["one name", ["web01"], "web01"],
  ["a padded run", ["web03", "web01", "web02"], "web[01:03]"],
  ["a run without padding", ["web9", "web10", "web11"], "web[9:11]"],
  ["a padded run over a power of ten", ["web09", "web10"], "web[09:10]"],
  ["a padded run ends with its width", counted(1, 100, 2), "n[01:99],n100"],
  ["a gap", ["web1", "web2", "web4"], "web[1:2],web4"],
  ["two widths are two runs", ["n1", "n2", "n01", "n02"], "n[01:02],n[1:2]"],
  ["a number inside the name", ["web1.dc2", "web2.dc2"], "web[1:2].dc2"],
  ["the last number first", ["r1n1", "r1n2", "r2n1", "r2n2"], "r1n[1:2],r2n[1:2]"],
  ["addresses", ["10.0.0.9", "10.0.0.10"], "10.0.0.[9:10]"],
  ["names without numbers", ["mail", "dns"], "dns,mail"],
  ["a name twice", ["a1", "a1"], "a1"],
  ["numbers in their order", ["a10", "a8", "b", "a2"], "a2,a8,a10,b"],
])("%s", (_name, names, expected) => expect(foldHosts(names)).toBe(expected));

test("beside a group of the same name the range carries its step, so that it is no subscript", () => {
  expect(foldHosts(["web1", "web2"], new Set(["web"]))).toBe("web[1:2:1]");
});

test.each<[string, readonly string[]]>([
  ["web[01:03]", ["web01", "web02", "web03"]],
  ["web[1:5:2]", ["web1", "web3", "web5"]],
  ["[a:c]1", ["a1", "b1", "c1"]],
  ["r[1:2]n[1:2]", ["r1n1", "r1n2", "r2n1", "r2n2"]],
  ["[y:B]", ["y", "z", "A", "B"]],
  ["n[:2]", ["n0", "n1", "n2"]],
  ["n[1:010]", ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10"]],
])("unfold %s", (text, names) => expect(unfold(text)).toEqual({ kind: "names", names }));

test.each([
  ["n[01:010]"],
  ["n[3:1]"],
  ["n[1:9:0]"],
  ["n[0:999999]"],
  ["n[1:999]-[1:999]"],
  ["n[a:3]"],
  ["n[1:99999999999999999999]"],
])("unfold %s is refused", (text) => expect(unfold(text)).toMatchObject({ kind: "invalid" }));
