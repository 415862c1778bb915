import { expect, test } from "vitest";
import { environmentFile } from "./launch.ts";

test.each([
  ["a plain value", { LANG: "C.UTF-8" }, 'LANG="C.UTF-8"\n'],
  ["what a double quote ends, and what it does not take as it is", { A: 'x"y\\z`$H' }, 'A="x\\"y\\\\z\\`\\$H"\n'],
  ["several lines", { A: "x\ny" }, 'A="x\ny"\n'],
  ["none", {}, ""],
])("%s", (_name, environment, expected) => expect(environmentFile(environment)).toBe(expected));
