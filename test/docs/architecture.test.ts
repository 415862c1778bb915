import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { canHostFollow, canRolloutFollow } from "@afterpatch/core/rollout/transitions";
import { HOST_STATES, ROLLOUT_STATES } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const TEXT = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");

/** Edges `FROM --> TO` of the state diagram below a line of text. Mermaid takes no hyphen in a name: it is written `_`. */
function edgesBelow(line: string): readonly string[] {
  const [, after = ""] = TEXT.split(`\n${line}\n`);
  const [diagram = ""] = after.split("```mermaid\nstateDiagram-v2\n")[1]?.split("```") ?? [];
  return diagram
    .split("\n")
    .flatMap((text) => (/^ *\w+ --> \w+$/.test(text) ? [text.trim().replaceAll("_", "-")] : []));
}

function edgesOf<S extends string>(states: readonly S[], canFollow: (from: S, to: S) => boolean): readonly string[] {
  return states.flatMap((from) => states.flatMap((to) => (canFollow(from, to) ? [`${from} --> ${to}`] : [])));
}

test("ARCHITECTURE.md draws the edges of a rollout", () => {
  expect(edgesBelow("A rollout:").toSorted()).toEqual(edgesOf(ROLLOUT_STATES, canRolloutFollow).toSorted());
});

test("ARCHITECTURE.md draws the edges of a host in a rollout", () => {
  expect(edgesBelow("A host in a rollout:").toSorted()).toEqual(edgesOf(HOST_STATES, canHostFollow).toSorted());
});

test("every file that ARCHITECTURE.md names is there", () => {
  const files = ["packages", "proto", "test", "docs", "deploy"].flatMap((top) =>
    readdirSync(join(ROOT, top), { recursive: true, encoding: "utf8" })
      .filter((path) => !path.includes("node_modules"))
      .map((path) => `/${top}/${path}`),
  );
  const named = [...TEXT.matchAll(/`([\w/.-]+\.(?:ts|json))`/g)].map(([, path = ""]) => path);
  expect(named.length).toBeGreaterThan(30);
  const missing = named.filter(
    (path) => !existsSync(join(ROOT, path)) && !files.some((file) => file.endsWith(`/${path}`)),
  );
  expect(missing).toEqual([]);
});
