import { has, optionsOf, valuesOf } from "../options.ts";
import { type Interpreter, noFile, program } from "../types.ts";

const LONG = new Set(["--encoding", "--external-encoding", "--internal-encoding", "--enable", "--disable", "--parser"]);

/** Source: ruby(1). */
export const ruby: Interpreter = {
  language: "ruby",
  names: /^(?:ruby|jruby)[0-9.]*$/,
  forks: true,
  programOf: (argv) => {
    const options = optionsOf(argv, { next: "CeEIr", attached: "0FiTWxK", long: LONG, last: "" });
    const modules = valuesOf(options, "r");
    const folders = valuesOf(options, "I").flatMap((list) => list.split(":"));
    const [script] = options.rest;
    if (has(options, "e") || script === undefined || script === "-") return noFile(modules, folders);
    const found = { script, modules, folders };
    const moved = has(options, "C", "S") ? "it was started from another folder, or found by PATH" : null;
    return program(script.startsWith("/") ? found : { ...found, untold: moved });
  },
};
