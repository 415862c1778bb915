import { expect, test } from "vitest";
import { plain } from "../shell.ts";
import { counted, table, tally } from "./table.ts";
import { age } from "./time.ts";

test("columns are as wide as their widest cell, numbers are right, and no line ends in spaces", () => {
  const columns = [{ title: "HOST" }, { title: "OLD", align: "right" as const }, { title: "REMARK" }];
  const rows = [
    [{ text: "web01" }, { text: "2" }, { text: "" }],
    [{ text: "ü1" }, { text: "10" }, { text: "stays" }],
  ];
  expect(table(columns, rows, plain)).toBe("HOST   OLD  REMARK\nweb01    2\nü1      10  stays\n");
});

test("colours do not move columns", () => {
  const rows = [[{ text: "a", colour: "red" as const }, { text: "b" }]];
  const painted = table([{ title: "LONG" }, { title: "X" }], rows, (_colour, text) => `<${text}>`);
  expect(painted).toBe("<LONG>  <X>\n<a>     b\n");
});

test.each([
  [0, "0 hosts"],
  [1, "1 host"],
  [2, "2 hosts"],
])("%i is %s", (count, expected) => expect(counted(count, "host")).toBe(expected));

test("a tally leaves out what is not there", () =>
  expect(tally({ done: 2, failed: 0, lost: 1 })).toBe("2 done, 1 lost"));

test.each([
  [59_000, "59s"],
  [60_000, "1m"],
  [47 * 3_600_000, "47h"],
  [48 * 3_600_000, "2d"],
  [-5_000, "0s"],
])("%i ms ago is %s", (ms, expected) => expect(age(1_000_000_000 - ms, 1_000_000_000)).toBe(expected));
