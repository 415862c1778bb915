import { has, optionsOf, valuesOf } from "../options.ts";
import { baseName } from "./shell.ts";
import { type Interpreter, noFile, program } from "../types.ts";

const LONG = new Set(["--php-ini", "--define", "--file", "--run", "--server", "--docroot", "--zend-extension"]);

/** Source: php(1). php-fpm, php-cgi and the built-in server read their scripts anew at each request. */
export const php: Interpreter = {
  language: "php",
  names: /^php(?:-cgi|-fpm)?[0-9.]*$/,
  forks: true,
  programOf: (argv) => {
    const name = baseName(argv[0] ?? "");
    if (/^php-(?:fpm|cgi)/.test(name)) return noFile();
    const options = optionsOf(argv, { next: "cdfrBREFStz", attached: "", long: LONG, last: "r" });
    if (has(options, "r", "--run", "B", "R", "E", "a", "--interactive")) return noFile();
    const [file] = valuesOf(options, "f", "--file", "F", "--process-file");
    const script = file ?? (options.isEnded ? undefined : options.rest[0]);
    return script === undefined || script === "-" ? noFile() : program({ script });
  },
};
