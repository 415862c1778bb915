import { parseConfig } from "@afterpatch/agent/config/parse";
import { ConfigError } from "@afterpatch/agent/config/error";
import { parseRollout } from "@afterpatch/config/rollout";
import { parseControllerFile } from "@afterpatch/controller/config/parse";
import { parseDuration } from "@afterpatch/core/duration";
import { expect, test } from "vitest";
import { files } from "../../deploy/reference/file-pages.ts";

// Ranges of durations are words of a schema: what is said there is what the programs refuse.

type Mistakes = (text: string) => readonly { readonly what: string }[];

const MISTAKES: Readonly<Record<string, Mistakes>> = {
  "agent-yaml": (text) => {
    try {
      parseConfig(text, "agent.yaml");
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.mistakes;
      throw error;
    }
  },
  "controller-yaml": (text) => {
    const read = parseControllerFile(text);
    return read.kind === "invalid" ? read.mistakes : [];
  },
  "rollout-file": (text) => {
    const read = parseRollout(`apiVersion: afterpatch/v1\nkind: Rollout\n${text}`);
    return read.kind === "invalid" ? read.mistakes : [];
  },
};

/** What a file has to have beside the key in question, by that key or the one above it. */
const BESIDE: Readonly<Record<string, string>> = {
  "windows[]": 'start: "22:00", duration: 1h, ',
  "applications[]": "name: a, start: none, match: {user: b}, ",
  "applications[].stop.timeout": "command: [/a], ",
  "hooks.beforeApply[]": "name: a, command: [/a], ",
  "waves[]": "name: a, ",
  "hooks.drain": "command: [/a], ",
  "health.before[]": "unit: a, ",
};

/** `windows[].duration` as YAML of one line. */
function yaml(path: string, value: string, above = ""): string {
  const [first = "", ...rest] = path.split(".");
  const at = above === "" ? first : `${above}.${first}`;
  const name = first.replace("[]", "");
  if (rest.length === 0) return `${name}: ${value}`;
  const beside = ((rest.length === 1 ? BESIDE[`${at}.${rest[0]}`] : undefined) ?? BESIDE[at] ?? "").replace(
    new RegExp(`\\b${rest[0]}: [^,]*, `),
    "",
  );
  const inside = `{${beside}${yaml(rest.join("."), value, at)}}`;
  return `${name}: ${first.endsWith("[]") ? `[${inside}]` : inside}`;
}

const ranged = files().flatMap(({ name, keys }) =>
  keys.filter(({ range }) => /^\d+[smhd] to /.test(range)).map(({ path, range }) => ({ name, path, range })),
);

test("there are such keys in each file", () => {
  expect(new Set(ranged.map(({ name }) => name)).size).toBe(3);
  expect(ranged.length).toBeGreaterThan(25);
});

test.each(ranged)("$name $path: $range", ({ name, path, range }) => {
  const [, least, most] = /^(\d+[smhd]) to (\d+[smhd])/.exec(range) ?? [];
  const wrong = least === "0s" ? "3650d" : "0s";
  const said = (MISTAKES[name]?.(yaml(path, wrong)) ?? []).map(({ what }) => / between (\S+) and (\S+)/.exec(what));
  const bounds = said.map((found) => (found ?? []).slice(1).map((text) => parseDuration(text)));
  expect(bounds).toContainEqual([least, most].map((text) => parseDuration(text ?? "")));
});
