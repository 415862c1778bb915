import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { FilePage } from "./file-pages.ts";
import type { Key } from "./keys.ts";
import type { ManPage, Release } from "./man.ts";
import { nameLines, page, seeAlso } from "./man-programs.ts";
import { bold, escaped, heading, italic, item, paragraph, type Roff, typed } from "./roff.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** What a page about a file is called, and what it says beside the file's keys. */
interface About extends Omit<ManPage, "text" | "section"> {
  readonly summary: string;
  readonly place: string;
  /** A file that is tested to hold. */
  readonly example: () => string;
  readonly seeAlso: readonly (readonly [page: string, section: number])[];
}

const ABOUT: Readonly<Record<FilePage["name"], About>> = {
  "agent-yaml": {
    name: "afterpatch-agent.yaml",
    program: "afterpatch-agent",
    summary: "What afterpatch-agent may do on its host, and when",
    place: "/etc/afterpatch/agent.yaml",
    example: () => readFileSync(resolve(ROOT, "deploy/agent.yaml"), "utf8"),
    seeAlso: [["afterpatch-agent", 8]],
  },
  "controller-yaml": {
    name: "afterpatch-controller.yaml",
    program: "afterpatch-controller",
    summary: "How afterpatch-controller serve runs",
    place: "/etc/afterpatch/controller.yaml",
    example: () => readFileSync(resolve(ROOT, "deploy/controller.yaml"), "utf8"),
    seeAlso: [["afterpatch-controller", 8]],
  },
  "rollout-file": {
    name: "afterpatch-rollout.yaml",
    program: "afterpatch",
    summary: "What a rollout does, to which hosts, in which order, and when it stops",
    place: "the file of 'afterpatch rollout start -f FILE'",
    example: () => {
      const text = readFileSync(resolve(ROOT, "docs/rollout-file.md"), "utf8");
      return /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
    },
    seeAlso: [
      ["afterpatch-plan", 1],
      ["afterpatch-rollout-start", 1],
    ],
  },
};

/** `afterpatch-agent.yaml(5)` */
export function fileManPage({ name: of, description, keys, explained }: FilePage, release: Release): ManPage {
  const about = ABOUT[of];
  const { name, program } = about;
  const said = description.replace(`; ${explained} explains it`, "").replace(` ${explained} explains it.`, "");
  return page({ name, section: 5, program }, release, [
    ...nameLines(name, about.summary),
    ...heading("SYNOPSIS"),
    ...paragraph(about.place.startsWith("/") ? italic(about.place) : escaped(about.place)),
    ...heading("DESCRIPTION"),
    ...paragraph(escaped(said)),
    ...paragraph(
      "YAML 1.2 in UTF\\-8, one document, keys in camelCase. An unknown key, a duplicate key or a value out of its range makes the whole file invalid.",
    ),
    ...heading("KEYS"),
    ...paragraph(`${bold("[]")} is each member of a list.`),
    ...keys.flatMap(keyItem),
    ...heading("EXAMPLE"),
    ...typed(about.example().trimEnd().split("\n")),
    ...heading("SEE ALSO"),
    ...seeAlso(about.seeAlso),
  ]);
}

function keyItem({ path, type, standard, range, meaning }: Key): Roff {
  const kind = [type, range].filter((text) => text !== "" && text !== "mapping").join(", ");
  const more = standard === "needed" ? " Needed." : standard === null ? "" : ` Default: ${standard}.`;
  return item(bold(path), escaped(`${meaning}${kind === "" ? "" : ` (${kind})`}${more}`));
}
