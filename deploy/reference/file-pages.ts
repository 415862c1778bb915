import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Key, keysOf, type Schema } from "./keys.ts";
import { code, page, plain, table } from "./markdown.ts";

const DOCS = resolve(import.meta.dirname, "../../docs");

/** A file that a program reads. */
export interface FilePage {
  /** Of the page: `agent-yaml`. */
  readonly name: (typeof FILES)[number]["name"];
  readonly title: string;
  readonly schema: string;
  /** The page that explains it, with examples. */
  readonly explained: string;
  readonly description: string;
  readonly keys: readonly Key[];
}

const FILES = [
  { name: "agent-yaml", schema: "agent.schema.json", explained: "agent-file.md" },
  { name: "controller-yaml", schema: "controller.schema.json", explained: "controller-file.md" },
  { name: "rollout-file", schema: "rollout.schema.json", explained: "rollout-file.md" },
] as const;

/** The three files, from the schemas that they are checked against. */
export function files(): readonly FilePage[] {
  return FILES.map((file) => {
    const schema: Schema = JSON.parse(readFileSync(join(DOCS, file.schema), "utf8"));
    const { title = "", description = "" } = schema;
    return { ...file, title, description, keys: keysOf(schema) };
  });
}

export function filePage({ title, schema, explained, description, keys }: FilePage): string {
  return page(title, `\`docs/${schema}\``, [
    `${plain(description).replace(explained, `[${explained}](../${explained})`)} \`[]\` is each member of a list.`,
    "",
    ...table(
      ["key", "type", "default", "range", "meaning"],
      keys.map(({ path, type, standard, range, meaning }) => [
        code(path),
        type,
        plain(standard ?? ""),
        plain(range),
        plain(meaning),
      ]),
    ),
  ]);
}
