import { has, optionsOf, valuesOf } from "../options.ts";
import { type Interpreter, noFile, program } from "../types.ts";

/** Source: perlrun(1). */
export const perl: Interpreter = {
  language: "perl",
  names: /^perl[0-9.]*$/,
  forks: true,
  programOf: (argv) => {
    // -e and -E may be given again and again; what follows them are arguments.
    const options = optionsOf(argv, { next: "IeE", attached: "MmFl0iCDVxd", long: new Set(), last: "" });
    const modules = valuesOf(options, "M", "m").flatMap(moduleOf);
    const folders = valuesOf(options, "I");
    const [script] = options.rest;
    if (has(options, "e", "E") || script === undefined || script === "-") return noFile(modules, folders);
    return program({ script, modules, folders });
  },
};

/** Of `Module=LIST`, `'Module qw(LIST)'` and `-Module`, which is not loaded but asked to unimport. */
function moduleOf(given: string): readonly string[] {
  const name = /^[A-Za-z_][\w:]*/.exec(given)?.[0];
  return name === undefined ? [] : [name];
}
