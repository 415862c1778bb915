import { FORMATS, type ScanArguments } from "./commands/scan.ts";

/** The same is in the options of every command. */
export const DEFAULT_STATE_DIR = "/var/lib/afterpatch/agent";

/** What `afterpatch-agent scan` takes when nothing else is said; the same is in the options of its help. */
const DEFAULTS: ScanArguments = {
  config: undefined,
  stateDir: DEFAULT_STATE_DIR,
  format: "table",
  out: undefined,
  exitCode: false,
  all: false,
  cve: undefined,
};

/**
 * The arguments of a scan that is written plainly: each option at most once, in full or as `-o`, and its value a word of
 * its own. Null for everything else, mistakes and `--help` too, which is for the parser of all commands to read: that one
 * costs more to load than a scan of some hundred processes.
 */
export function plainScan(argv: readonly string[]): ScanArguments | null {
  const [command, ...words] = argv;
  if (command !== "scan") return null;
  let args = DEFAULTS;
  const given = new Set<string>();
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const name = word === "-o" ? "--format" : word;
    if (given.has(name)) return null;
    given.add(name);
    const more = isFlag(name) ? FLAGS[name] : withValue(name, words.shift());
    if (more === null) return null;
    args = { ...args, ...more };
  }
  return args;
}

const FLAGS = { "--all": { all: true }, "--exit-code": { exitCode: true } } as const;

function isFlag(name: string): name is keyof typeof FLAGS {
  return Object.hasOwn(FLAGS, name);
}

function withValue(name: string, value: string | undefined): Partial<ScanArguments> | null {
  // What begins with a dash may be an option, and what is empty is a mistake.
  if (value === undefined || value === "" || value.startsWith("-")) return null;
  switch (name) {
    case "--format": {
      const format = FORMATS.find((one) => one === value);
      return format ? { format } : null;
    }
    case "--out":
      return { out: value };
    case "--state-dir":
      return { stateDir: value };
    default:
      return null;
  }
}
