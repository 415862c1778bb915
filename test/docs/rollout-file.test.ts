import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseRollout } from "@afterpatch/config/rollout";
import { expect, test } from "vitest";

const PAGE = readFileSync(resolve(import.meta.dirname, "../../docs/rollout-file.md"), "utf8");

test("the example of the page is a rollout's file without a mistake", () => {
  const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(PAGE) ?? [];
  const parsed = parseRollout(example);
  expect(parsed.kind === "invalid" ? parsed.mistakes : []).toEqual([]);
  expect(parsed).toMatchObject({ spec: { name: "openssl-2026-11", waves: [{ name: "canary" }, {}, {}] } });
});
