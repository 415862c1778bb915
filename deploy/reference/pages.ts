import { eventsPage } from "./events-page.ts";
import { filePage, files } from "./file-pages.ts";
import { page } from "./markdown.ts";
import { metricsPage } from "./metrics-page.ts";
import { programPage } from "./program-pages.ts";
import { programs } from "./programs.ts";
import { protoPage } from "./proto-page.ts";

/** One page of docs/reference. */
export interface Page {
  readonly name: string;
  readonly text: string;
}

const NAMES = {
  afterpatch: "cli",
  "afterpatch-agent": "afterpatch-agent",
  "afterpatch-controller": "afterpatch-controller",
};

/** All of docs/reference, the same for the same sources. */
export async function pages(): Promise<readonly Page[]> {
  const told = [
    ...programs().map((one) => ({ name: `${NAMES[one.name]}.md`, what: `\`${one.name}\``, text: programPage(one) })),
    ...files().map((one) => ({ name: `${one.name}.md`, what: one.title, text: filePage(one) })),
  ];
  told.push(
    { name: "events.md", what: "types of the fleet's events", text: eventsPage() },
    { name: "metrics.md", what: "metrics of the controller and of an agent's scan", text: metricsPage() },
    { name: "proto.md", what: "services, methods, messages and fields between the programs", text: protoPage() },
  );
  const index = told.map(({ name, what }) => `- [${name.replace(".md", "")}](${name}): ${what}`);
  return [{ name: "README.md", text: page("Reference", "the sources", index) }, ...told];
}
