import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { manPages } from "../../deploy/reference/man.ts";

// The pages of manuals, read by those who show them: not a word of complaint.

const pages = await manPages();
const fileOf = ({ name, section }: (typeof pages)[number]) => `${name}.${section}`;
const files = pages.map(fileOf);

test("each page is there once, dated by the release", async () => {
  expect(new Set(files).size).toBe(files.length);
  for (const name of ["afterpatch.1", "afterpatch-rollout.1", "afterpatch-rollout-start.1"])
    expect(files).toContain(name);
  for (const name of ["afterpatch-agent.8", "afterpatch-controller.8"]) expect(files).toContain(name);
  for (const name of ["agent", "controller", "rollout"]) expect(files).toContain(`afterpatch-${name}.yaml.5`);
  expect(await manPages()).toEqual(pages);
  const dates = new Set(pages.map(({ text }) => /^\.TH \S+ \d (\S+) /.exec(text)?.[1]));
  expect([...dates]).toEqual([expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/)]);
});

test("what a page refers to is a page", () => {
  const told = pages.flatMap(({ text }) => [...text.matchAll(/\\fB([^\\]*(?:\\-[^\\]*)*)\\fP\((\d)\)/g)]);
  expect(told.length).toBeGreaterThan(100);
  for (const [, name = "", section] of told) expect(files).toContain(`${name.replaceAll("\\-", "-")}.${section}`);
});

test("nothing in a page is a macro by accident", () => {
  const macros = new Set(pages.flatMap(({ text }) => [...text.matchAll(/^\.(\S*)/gm)].map(([, macro]) => macro)));
  const meant = ["TH", "nh", "ad", "SH", "SS", "PP", "TP", "RS", "RE", "nf", "fi"];
  expect([...macros].filter((macro) => !meant.includes(macro ?? ""))).toEqual([]);
});

const READERS: readonly (readonly [program: string, args: readonly string[]])[] = [
  ["mandoc", ["-Tlint"]],
  ["groff", ["-man", "-ww", "-Tutf8", "-z"]],
  ["man", ["--warnings", "--local-file"]],
];
const has = (program: string) => spawnSync(program, ["--version"]).error === undefined;

describe.each(READERS)("%s", (program, args) => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "afterpatch-man-"));
    for (const page of pages) writeFileSync(join(folder, fileOf(page)), page.text);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const isMissing = !has(program) && !process.env.CI;

  test.skipIf(isMissing)(`has nothing to complain of${isMissing ? " (skipped: not installed)" : ""}`, () => {
    const env = { ...process.env, LC_ALL: "C.UTF-8", MANPAGER: "cat" };
    const { stdout, stderr, status } = spawnSync(program, [...args, ...files], { cwd: folder, env, encoding: "utf8" });
    expect([status, stderr, program === "mandoc" ? stdout : ""]).toEqual([0, "", ""]);
  });
});

test.skipIf(!has("lexgrog"))("apropos(1) finds what each is for", () => {
  for (const page of pages) {
    const { stdout } = spawnSync("lexgrog", ["-"], { input: page.text, encoding: "utf8" });
    expect(stdout).toContain(`"${page.name} - `);
  }
});
