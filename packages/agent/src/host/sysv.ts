import { readdirSync, statSync } from "node:fs";
import { parseInitScript } from "@afterpatch/core/sysv/script";
import type { PidFile, SysvService } from "@afterpatch/core/sysv/owner";
import type { ProcessTable } from "./processes.ts";
import { codeOf, readSmallFile } from "./read.ts";

// Only where systemd is not PID 1, and only when something old was found.

const FOLDERS = ["/etc/rc.d/init.d", "/etc/init.d"];
const NO_SERVICE =
  /^(?:README|skeleton|rc|rcS|rcS\.d|functions|halt|reboot|killall|single|sendsigs|umount.*|bootlogs|.*~)$|\.(?:dpkg|rpm|ucf)-?\w*$|^\./;
const MAX_SCRIPTS = 512;
const MAX_LISTS = 4096;

/** Services of init scripts. `executables`: programs of the processes that an owner is looked for. */
export function readSysv(executables: readonly string[], { stats }: ProcessTable): readonly SysvService[] {
  const folder = FOLDERS.find((path) => names(path).length > 0);
  if (folder === undefined) return [];
  const scripts = names(folder)
    .filter((name) => !NO_SERVICE.test(name))
    .toSorted()
    .slice(0, MAX_SCRIPTS);
  const lists = packagesOfScripts();
  return scripts.flatMap((name) => {
    const text = isExecutable(`${folder}/${name}`) ? readSmallFile(`${folder}/${name}`, 256 * 1024) : null;
    if (text === null) return [];
    const { programs, pidFiles } = parseInitScript(name, text);
    const shipped = lists.get(name);
    return {
      name,
      programs: executables.filter((path) => programs.some((program) => isSameProgram(program, path))),
      packaged: shipped === undefined ? [] : shippedBy(shipped, executables),
      pidFiles: pidFiles.flatMap((path) => pidFileAt(path, stats) ?? []),
    };
  });
}

function pidFileAt(path: string, stats: ProcessTable["stats"]): PidFile | null {
  const text = readSmallFile(path, 4096);
  const pid = Number(/^\s*([1-9][0-9]{0,9})\s/.exec(`${text ?? ""}\n`)?.[1] ?? 0);
  const stat = pid > 1 ? statSync(path, { throwIfNoEntry: false }) : undefined;
  return stat ? { path, pid, writtenAt: Math.round(stat.mtimeMs), alive: stats.has(pid) } : null;
}

/** On a merged /usr the same program has two paths. */
function isSameProgram(one: string, other: string): boolean {
  return one.replace(/^\/usr(?=\/s?bin\/)/, "") === other.replace(/^\/usr(?=\/s?bin\/)/, "");
}

const INFO = "/var/lib/dpkg/info";

let shipping: { readonly state: string; readonly lists: ReadonlyMap<string, string> } | null = null;
/** A folder that was changed so recently may change once more without another time. */
const SETTLED_MS = 2000;

/**
 * Init script to the file list of the package that ships it: scripts are configuration files, and those are few. dpkg
 * renames lists into place, so that the running agent looks into them again when their folder has changed.
 */
function packagesOfScripts(): ReadonlyMap<string, string> {
  const stat = statSync(INFO, { bigint: true, throwIfNoEntry: false });
  const state = stat ? `${stat.dev} ${stat.ino} ${stat.mtimeNs} ${stat.ctimeNs}` : "";
  if (shipping?.state === state) return shipping.lists;
  const lists = readLists();
  const isSettled = stat !== undefined && Date.now() - Number(stat.ctimeMs) > SETTLED_MS;
  shipping = isSettled ? { state, lists } : null;
  return lists;
}

function readLists(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of names(INFO)
    .filter((file) => file.endsWith(".conffiles"))
    .slice(0, MAX_LISTS)) {
    const text = readSmallFile(`${INFO}/${name}`, 256 * 1024) ?? "";
    for (const [, script = ""] of text.matchAll(/^\/etc\/init\.d\/(\S+)/gm)) {
      found.set(script, `${INFO}/${name.slice(0, -".conffiles".length)}.list`);
    }
  }
  return found;
}

function shippedBy(list: string, executables: readonly string[]): readonly string[] {
  const paths = (readSmallFile(list, 4 * 1024 * 1024) ?? "")
    .split("\n")
    .filter((path) => /\/(?:s?bin|lib\w*)\//.test(path));
  const shipped = new Set(paths.map((path) => path.replace(/^\/usr(?=\/s?bin\/)/, "")));
  return executables.filter((path) => shipped.has(path.replace(/^\/usr(?=\/s?bin\/)/, "")));
}

function isExecutable(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & 0o111) !== 0;
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    codeOf(error); // there is none
    return [];
  }
}
