// What an interpreter runs, told from its command line and from the texts of programs. Nothing is ever executed for it.

/** What the command line of an interpreter says that it runs. Words of proc_pid_cmdline(5), one byte per character. */
export interface Program {
  /** The file as typed, absolute or from the working directory; a folder or an archive in some languages. Null: none. */
  readonly script: string | null;
  /** Modules by name that the command line loads: of `-m`, `-M`, `-r`. */
  readonly modules: readonly string[];
  /** Folders that are searched for modules first: of `-I`. */
  readonly folders: readonly string[];
  /** Archives and folders of compiled code: Java's class path. `DIR/*` stands for the archives of a folder. */
  readonly archives: readonly string[];
  /** It runs what its parent runs: a worker that was started with the interpreter's own code. */
  readonly isWorker: boolean;
  /** Why nothing more is known of what it runs, one sentence's part; null where the above says all of it. */
  readonly untold: string | null;
}

/** An interpreter, by the name of its executable. */
export interface Interpreter {
  readonly language: Language;
  /** Base names of executables, without folders. */
  readonly names: RegExp;
  /** `argv` with the interpreter itself in front. */
  readonly programOf: (argv: readonly string[]) => Program;
  /** A child that was forked, and never called execve(2), has the code of its parent: whether workers are made that way. */
  readonly forks: boolean;
}

export const LANGUAGES = ["shell", "python", "perl", "ruby", "node", "php", "java"] as const;
export type Language = (typeof LANGUAGES)[number];

const NOTHING: Program = {
  script: null,
  modules: [],
  folders: [],
  archives: [],
  isWorker: false,
  untold: null,
};

/** A program of which only this much is said. */
export function program(said: Partial<Program>): Program {
  return { ...NOTHING, ...said };
}

/** Code of the command line or of a terminal: no file is involved. */
export function noFile(modules: readonly string[] = [], folders: readonly string[] = []): Program {
  return program({ modules, folders });
}

/** The process wrote something else over its command line: setproctitle(3bsd), `$0 =`, `process.title`. */
export const RENAMED = program({ untold: "the process has written another title over its command line" });
