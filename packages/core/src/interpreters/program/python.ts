import { optionsOf, valuesOf } from "../options.ts";
import { type Interpreter, noFile, program } from "../types.ts";

const SYNTAX = { next: "cmWXQ", attached: "", long: new Set(["--check-hash-based-pycs"]), last: "cm" };
/** Code by which a running program starts workers that load its main module again, multiprocessing's and forkserver's. */
const WORKER = /^from (?:multiprocessing|joblib\.externals\.loky)\b/;

/** Source: python3(1), docs.python.org/3/using/cmdline.html. */
export const python: Interpreter = {
  language: "python",
  names: /^(?:python|pypy)[0-9.]*(?:d|t|dm)?$/,
  forks: true,
  programOf: (argv) => {
    const options = optionsOf(argv, SYNTAX);
    const [code] = valuesOf(options, "c");
    if (code !== undefined) return WORKER.test(code) ? program({ isWorker: true }) : noFile();
    const [module] = valuesOf(options, "m");
    if (module !== undefined) return program({ modules: [module] });
    const [script] = options.rest;
    return script === undefined || script === "-" ? noFile() : program({ script });
  },
};

/** Whether the command line has Python look away from its variables and the user's own folder: -E, -s, -I. */
export function pythonIsolation(argv: readonly string[]): { readonly variables: boolean; readonly user: boolean } {
  const { given } = optionsOf(argv, SYNTAX);
  const is = (...letters: readonly string[]) => given.some(({ name }) => letters.includes(name));
  return { variables: is("E", "I"), user: is("s", "I") };
}
