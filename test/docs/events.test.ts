import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { EVENT_TYPES } from "@afterpatch/core/fleet/events";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const TYPE = /[a-z]+\.[a-z-]+/;

test("what the controller writes of hosts, rollouts and the fleet is an event", () => {
  const source = join(ROOT, "packages/controller/src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const texts = files
    .filter((name) => !name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(source, name), "utf8"));
  const quoted = texts.flatMap((text) => [...text.matchAll(/"((?:host|fleet|rollout|controller)\.[a-z-]+)"/g)]);
  const written = new Set(
    quoted.map(([, type = ""]) => type).filter((type) => TYPE.test(type) && type !== "controller.db"),
  );
  expect(written.size).toBeGreaterThan(15);
  expect([...written].filter((type) => !EVENT_TYPES.has(type))).toEqual([]);
});
