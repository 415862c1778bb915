import { execFile, execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { PROGRAMS } from "../../deploy/bundling.ts";
import { FLAGS } from "../../deploy/flags.ts";
import { bundle } from "../../deploy/package/bundle.ts";
import { executable } from "../../deploy/package/executable.ts";
import { temporaryDirectory } from "./programs.ts";

const run = promisify(execFile);
const MAKE = join(import.meta.dirname, "../../deploy/package/main.ts");
const BUILD_ID = Buffer.from("\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0", "latin1");

/** Every NT_GNU_BUILD_ID note of an ELF file, hexadecimal. */
async function buildIds(file: string): Promise<readonly string[]> {
  const bytes = await readFile(file);
  const ids: string[] = [];
  for (let at = bytes.indexOf(BUILD_ID); at >= 0; at = bytes.indexOf(BUILD_ID, at + 1))
    ids.push(bytes.toString("hex", at + BUILD_ID.length, at + BUILD_ID.length + 20));
  return ids;
}

/** What a program says; its exit code beside it. */
async function said(file: string, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const options = { env: { PATH: process.env.PATH ?? "", ...env } };
  const ended = await run(file, [...words], options).then(
    (text) => ({ code: 0, ...text }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
  return { code: ended.code, stdout: ended.stdout, stderr: ended.stderr };
}

test.each(PROGRAMS.map((program) => [program.name, program] as const))("%s is one file", async (name, program) => {
  const { file, packages } = await bundle(program, "9.8.7", await temporaryDirectory());
  expect(await said(process.execPath, [file, "--version"])).toEqual({ code: 0, stdout: "9.8.7\n", stderr: "" });
  expect(packages).toContain("node_modules/protobufjs");
  expect(packages.filter((one) => /esbuild|vitest|proto-loader|\/long$/.test(one))).toEqual([]);
  const [first] = (await readFile(file, "utf8")).split("\n", 1);
  expect(first).toBe(`#!/usr/bin/env -S node ${FLAGS[program.part].join(" ")}`);
  expect(name).toBe(program.name);
});

const machines = execFileSync("sh", ["-c", "command -v node || true"], { encoding: "utf8" }).trim();
const isOld = machines !== "" && Number(execFileSync(machines, ["-p", "parseInt(process.versions.node)"])) < 24;

test.skipIf(!isOld)(
  "an older Node is told so in one line (skipped where the machine's Node is new enough)",
  async () => {
    const { file } = await bundle(PROGRAMS[2], "9.8.7", await temporaryDirectory());
    const { code, stdout, stderr } = await said(machines, [file, "status"]);
    expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
    expect(stderr).toMatch(/^afterpatch: Node [\d.]+: too old; install Node 24 or newer, or the single executable\n$/);
  },
);

test("a single executable: no options from outside, no warning, and an identity of its own", async () => {
  const directory = await temporaryDirectory();
  const ids = new Set<string>();
  for (const version of ["9.8.7", "9.8.8"]) {
    const { file } = await bundle(PROGRAMS[0], version, directory);
    const single = join(directory, `agent-${version}`);
    await executable(file, FLAGS.agent, single);
    const hostile = join(directory, "hostile.cjs");
    await writeFile(hostile, 'process.stdout.write("loaded")');
    const env = { NODE_OPTIONS: `--require ${hostile}` };
    expect(await said(single, ["--version"], env)).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    expect(JSON.parse((await said(single, ["scan", "--format", "json"])).stdout).schema).toBe("afterpatch.scan/v1");
    for (const id of await buildIds(single)) ids.add(id);
  }
  expect(ids.size).toBe(2);
  for (const id of await buildIds(process.execPath)) expect(ids.has(id)).toBe(false);
});

test.each([
  [["--version", "1.2"], "--version"],
  [["--part", "agents"], 'no program "agents"'],
  [["--format", "msi"], 'no "msi"'],
  [["--outt", "/tmp/x"], "--outt"],
  [["--out", "/etc"], "/etc has other files"],
] as const)("packaging refuses %j in one line", async (words, what) => {
  const { code, stdout, stderr } = await said(process.execPath, [MAKE, ...words]);
  expect({ code, stdout, lines: stderr.trim().split("\n").length }).toEqual({ code: 5, stdout: "", lines: 1 });
  expect(stderr).toContain(what);
});

test("packaging empties no directory that has anything of somebody else, whatever is beside it", async () => {
  const out = await temporaryDirectory();
  await mkdir(join(out, "bundle"));
  await writeFile(join(out, "Gemfile"), "kept");
  const { code, stderr } = await said(process.execPath, [MAKE, "--out", out, "--part", "cli", "--format", "deb"]);
  expect({ code, stderr }).toMatchObject({ code: 5, stderr: expect.stringContaining("such as Gemfile") });
  expect(await readFile(join(out, "Gemfile"), "utf8")).toBe("kept");
});

test("packaging refuses a date that is none", async () => {
  const { code, stderr } = await said(process.execPath, [MAKE], { SOURCE_DATE_EPOCH: "yesterday" });
  expect({ code, stderr }).toEqual({
    code: 5,
    stderr: 'package: SOURCE_DATE_EPOCH: "yesterday" is not seconds since 1970; unset it\n',
  });
});
