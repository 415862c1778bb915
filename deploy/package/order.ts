import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { PROGRAMS, type Program, ROOT } from "../bundling.ts";
import { type Format, missingTools } from "./tools.ts";

const run = promisify(execFile);
const USAGE = `usage: npm run package -- [--out DIR] [--version X.Y.Z] [--part agent|controller|cli]... [--format deb|rpm]...

Makes, of each program, in DIR (./dist, which is emptied first):
  bundle/NAME.cjs  one file, for hosts with Node 24 or newer
  sea/NAME         a single executable, for hosts without
  sbom/NAME.*      CycloneDX bills of materials of both
  NAME_*.deb, NAME-*.rpm
  container/       what builds an image of the controller
  SHA256SUMS
`;

export interface Order {
  readonly out: string;
  readonly version: string | undefined;
  readonly programs: readonly Program[];
  readonly formats: readonly Format[];
  readonly madeAt: Date;
}

const FORMATS = ["deb", "rpm"] as const satisfies readonly Format[];

/** What is in a directory that this made, or was interrupted at. */
const OURS = /^(?:bundle|sea|sbom|container|SHA256SUMS|afterpatch.*\.(?:deb|rpm))$/;

/** A mistake of who asked. */
export class UsageError extends Error {}

/** What the command line asks for. Throws UsageError. */
export async function ordered(): Promise<Order> {
  const { values } = parsed();
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const { version, part: parts = [], format: formats = ["deb", "rpm"] } = values;
  if (version !== undefined && !/^\d+\.\d+\.\d+$/.test(version))
    throw new UsageError(`--version: ${JSON.stringify(version)} is not three numbers; give one such as 1.2.3`);
  const names = PROGRAMS.map(({ part }) => part as string);
  const wrong = parts.find((part) => !names.includes(part));
  if (wrong !== undefined) throw new UsageError(`--part: no program "${wrong}"; there are ${names.join(", ")}`);
  const strange = formats.find((format) => !FORMATS.some((one) => one === format));
  if (strange !== undefined) throw new UsageError(`--format: there is no "${strange}"; give deb or rpm`);
  const programs = PROGRAMS.filter(({ part }) => parts.length === 0 || parts.includes(part));
  const wanted = FORMATS.filter((one) => formats.includes(one));
  const [lacking] = await missingTools(wanted);
  if (lacking)
    throw new UsageError(`${lacking.part}: not on this machine; ${lacking.remedy}, or leave it out with --format`);
  const out = resolve(values.out);
  await mustBeOurs(out);
  return {
    out,
    version,
    programs,
    formats: wanted,
    madeAt: await lastChange(),
  };
}

function parsed() {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      options: {
        out: { ...text, default: join(ROOT, "dist") },
        version: text,
        part: { ...text, multiple: true },
        format: { ...text, multiple: true },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}; see npm run package -- --help`);
  }
}

/** What is packed says when its sources changed, not when it was packed: the same sources are the same files. */
async function lastChange(): Promise<Date> {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined && !/^\d{1,10}$/.test(given))
    throw new UsageError(`SOURCE_DATE_EPOCH: ${JSON.stringify(given)} is not seconds since 1970; unset it`);
  return new Date(Number(given ?? (await lastCommit())) * 1000);
}

async function lastCommit(): Promise<string> {
  try {
    return (await run("git", ["log", "-1", "--format=%ct"], { cwd: ROOT })).stdout.trim();
  } catch {
    throw new UsageError(`${ROOT}: its last commit cannot be read; set SOURCE_DATE_EPOCH, seconds since 1970`);
  }
}

/** It is emptied: what something else has put there is not lost. */
async function mustBeOurs(out: string): Promise<void> {
  const names = await readdir(out).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw new UsageError(`--out: ${error.message}; name a new directory`);
  });
  const other = names.find((name) => !OURS.test(name));
  if (other !== undefined)
    throw new UsageError(
      `--out: ${out} has other files in it, such as ${other}, and would be emptied; name a new directory`,
    );
}
