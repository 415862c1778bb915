import { copyFile, mkdir, readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PROGRAMS, ROOT } from "../../../deploy/bundling.ts";
import { FLAGS } from "../../../deploy/flags.ts";
import { bundle, versionOf } from "../../../deploy/package/bundle.ts";
import { executable } from "../../../deploy/package/executable.ts";

/** How an agent is started. */
export interface Form {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What its files take on the disk. */
  readonly installedMb: number;
}

export interface Forms {
  /** What can be installed, and the checkout's. */
  readonly forms: readonly Form[];
  /** The one file with one thing changed. */
  readonly variants: readonly Form[];
}

/** All are made anew, with a Node of their own: what they share with each other is shared with nothing else. */
export async function formsIn(folder: string): Promise<Forms> {
  const [agent] = PROGRAMS;
  const at = join(folder, "programs");
  await mkdir(at);
  const node = join(at, "node");
  await copyFile(process.execPath, node);
  const { file } = await bundle(agent, await versionOf(agent.part), at);
  const single = join(at, "single");
  await executable(file, FLAGS.agent, single);
  const chunks = join(ROOT, "packages/agent/dist/afterpatch-agent.mjs");
  const env = await environmentOfUnit();
  const ofFlags = (name: string, flags: readonly string[], script = file, changed = env) => ({
    ...{ name, command: [node, ...flags, script], env: changed },
  });
  const nodeMb = await sizeMb(node);
  const fileMb = nodeMb + (await sizeMb(file));
  const variant = (name: string, flags: readonly string[], changed = env) => ({
    ...{ ...ofFlags(name, [...FLAGS.agent, ...flags], file, changed), installedMb: fileMb },
  });
  return {
    forms: [
      { ...ofFlags("one file, and Node", FLAGS.agent), installedMb: fileMb },
      { name: "single executable", command: [single], env, installedMb: await sizeMb(single) },
      {
        ...ofFlags("checkout, in chunks, and Node", FLAGS.agent, chunks),
        installedMb: nodeMb + (await sizeOfAll(dirname(chunks))),
      },
    ],
    variants: [
      variant("without the unit's environment", [], {}),
      variant("`--optimize-for-size`", ["--optimize-for-size"]),
      variant("`--lite-mode`", ["--lite-mode"]),
      variant("`--max-semi-space-size=1`", ["--max-semi-space-size=1"]),
      variant("`--single-threaded`", ["--single-threaded"]),
      variant("`--v8-pool-size=0`, `UV_THREADPOOL_SIZE=1`", ["--v8-pool-size=0"], { ...env, UV_THREADPOOL_SIZE: "1" }),
      variant("`--max-lazy`", ["--max-lazy"]),
    ],
  };
}

/** What the agent's unit says to malloc(3). */
async function environmentOfUnit(): Promise<Record<string, string>> {
  const unit = await readFile(join(ROOT, "deploy/systemd/afterpatch-agent.service"), "utf8");
  return Object.fromEntries(
    [...unit.matchAll(/\b(MALLOC_\w+)=(\d+)/g)].map(([, name = "", value = ""]) => [name, value]),
  );
}

async function sizeMb(file: string): Promise<number> {
  return (await stat(file)).size / 2 ** 20;
}

async function sizeOfAll(folder: string): Promise<number> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(({ parentPath, name }) => sizeMb(join(parentPath, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}
