import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { pages } from "../../deploy/reference/pages.ts";

const FOLDER = resolve(import.meta.dirname, "../../docs/reference");
const made = await pages();

test("docs/reference has the pages that are made and no other: npm run reference", () => {
  expect(readdirSync(FOLDER).toSorted()).toEqual(made.map(({ name }) => name).toSorted());
});

test.each(made)("docs/reference/$name is current: npm run reference", ({ name, text }) => {
  expect(readFileSync(join(FOLDER, name), "utf8"), "docs/reference is not current; run npm run reference").toBe(text);
});

test("what a page refers to is there", () => {
  for (const { name, text } of made) {
    for (const [, target = ""] of text.matchAll(/\]\(([^)#]+)\)/g)) {
      expect([name, readFileSync(resolve(FOLDER, target), "utf8").length > 0]).toEqual([name, true]);
    }
    const headings = new Set([...text.matchAll(/^##+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading)));
    for (const [, anchor = ""] of text.matchAll(/\]\(#([^)]+)\)/g)) expect(headings).toContain(anchor);
  }
});

/** As GitHub makes it. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(" ", "-").replaceAll(".", "");
}
