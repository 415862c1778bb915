/** What an init script says about the daemon it starts. */
export interface InitScript {
  /** Programs that it names: `# processname:`, DAEMON=, --exec. Absolute paths. */
  readonly programs: readonly string[];
  /** Files it keeps the daemon's pid in, most trustworthy first, its usual places last. */
  readonly pidFiles: readonly string[];
}

const MAX_FOUND = 16;
const PROGRAM = /^(?:DAEMON|DAEMON_?BIN|DAEMON_?PATH|EXEC|BINARY|BIN|PROG|PROGRAM|PROCESSNAME|COMMAND)$/i;
const PID_FILE = /PID_?FILE|_PID$/i;

/**
 * Reads `# pidfile:` and `# processname:` of chkconfig(8), assignments with `$NAME` in them, and the options of
 * start-stop-daemon(8) and daemon(), and `command=` of openrc-run(8). Nothing is executed: a value that the shell would have to compute is no value.
 */
export function parseInitScript(name: string, text: string): InitScript {
  // OpenRC tells its scripts their own name, openrc-run(8).
  const values = new Map([
    ["RC_SVCNAME", name],
    ["SVCNAME", name],
  ]);
  const programs = new Set<string>();
  const pidFiles = new Set<string>();
  for (const line of text.split("\n")) {
    const [, key = "", said = ""] = /^#[ \t]*(pidfile|processname):[ \t]*(\S+)/.exec(line) ?? [];
    if (key === "pidfile") add(pidFiles, said);
    if (key === "processname") add(programs, said);
    if (line.startsWith("#")) continue;
    assignment(line, values, programs, pidFiles);
    for (const [, option = "", word = ""] of line.slice(0, 4096).matchAll(/(--pidfile|--exec|-x)[ \t=]+(\S{1,256})/g)) {
      add(option === "--pidfile" ? pidFiles : programs, expanded(unquoted(word), values));
    }
  }
  for (const path of [`/run/${name}.pid`, `/run/${name}/${name}.pid`, `/run/${name}/pid`]) pidFiles.add(path);
  return { programs: [...programs], pidFiles: [...pidFiles] };
}

function assignment(line: string, values: Map<string, string>, programs: Set<string>, pidFiles: Set<string>): void {
  const [, variable = "", right = ""] =
    /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]{0,63})=("[^"]{0,512}"|'[^']{0,512}'|[^ \t;&|#]{0,512})/.exec(
      line,
    ) ?? [];
  if (variable === "" || values.size > 512) return;
  const value = expanded(unquoted(right), values);
  if (value === null) return;
  // The first value is the default; later ones stand in branches that nobody runs here.
  if (!values.has(variable)) values.set(variable, value);
  if (PID_FILE.test(variable)) add(pidFiles, value);
  else if (PROGRAM.test(variable)) add(programs, value);
}

function add(to: Set<string>, path: string | null): void {
  // A path that leads up, or holds what a shell would expand, is not followed.
  if (path !== null && /^\/[\w./+@:-]+$/.test(path) && !path.includes("/../") && to.size < MAX_FOUND) to.add(path);
}

function unquoted(word: string): string {
  return word.replace(/^(["'])(.*)\1$/, "$2");
}

/** `$NAME`, `${NAME}` and `${NAME:-default}` put in; null where something else would have to be computed. */
function expanded(word: string, values: ReadonlyMap<string, string>): string | null {
  let isKnown = true;
  const text = word.replace(
    /\$(?:\{([A-Za-z_]\w*)(?::?-([^{}$`]*))?\}|([A-Za-z_]\w*))/g,
    (_, braced: string | undefined, fallback: string | undefined, plain: string | undefined) => {
      const value = values.get(braced ?? plain ?? "") ?? fallback;
      if (value === undefined) isKnown = false;
      return value ?? "";
    },
  );
  return isKnown && text.length <= 4096 && !/[$`]/.test(text) ? text : null;
}
