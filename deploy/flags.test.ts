import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PROGRAMS, ROOT } from "./bundling.ts";
import { FLAGS } from "./flags.ts";

test.each(PROGRAMS)("$name runs with the same options from a checkout", async ({ part, name }) => {
  const launcher = await readFile(join(ROOT, "packages", part, "bin", name), "utf8");
  const [, flags] = /^exec sh "[^"]*node\.sh" (.*) "\$main" "\$@"$/m.exec(launcher) ?? [];
  expect(flags?.split(" ")).toEqual([...FLAGS[part]]);
});
