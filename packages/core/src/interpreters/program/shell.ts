import { has, optionsOf } from "../options.ts";
import { type Interpreter, noFile, program } from "../types.ts";

/** Source: dash(1), bash(1), ksh(1), mksh(1), zsh(1); `busybox sh`. */
export const shell: Interpreter = {
  language: "shell",
  names: /^(?:sh|dash|bash|rbash|ash|ksh|ksh93|mksh|zsh|zsh5|yash|posh|busybox|busybox\.static)$/,
  forks: true,
  programOf: (argv) => {
    const words = /^busybox(?:\.static)?$/.test(baseName(argv[0] ?? "")) ? argv.slice(1) : argv;
    // A login shell is called `-bash`.
    const options = optionsOf(words, {
      next: "oO",
      attached: "",
      long: new Set(["--rcfile", "--init-file"]),
      last: "cs",
    });
    const [script] = options.rest;
    return has(options, "c", "s") || script === undefined || script === "-" ? noFile() : program({ script });
  },
};

/** Of a path; one byte per character. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Whether busybox runs as a shell at all, by its first words. */
export function isShellOfBusybox(argv: readonly string[]): boolean {
  const [first = "", second = ""] = argv.map(baseName);
  const applet = /^busybox(?:\.static)?$/.test(first) ? second : first.replace(/^-/, "");
  return /^(?:sh|ash|hush|bash)$/.test(applet);
}
