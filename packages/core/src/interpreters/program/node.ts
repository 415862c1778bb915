import { has, optionsOf, valuesOf } from "../options.ts";
import { type Interpreter, noFile, program } from "../types.ts";

/** Of `node --help`: those whose argument is a word of its own. Options of V8 take theirs with `=` only. */
const LONG = new Set(
  `require import loader experimental-loader conditions cpu-prof-dir cpu-prof-name cpu-prof-interval diagnostic-dir
  disable-proto disable-warning dns-result-order env-file env-file-if-exists es-module-specifier-resolution eval
  experimental-config-file experimental-default-type experimental-sea-config heap-prof-dir heap-prof-name
  heapsnapshot-near-heap-limit heapsnapshot-signal icu-data-dir input-type inspect-port inspect-publish-uid debug-port
  localstorage-file max-http-header-size network-family-autoselection-attempt-timeout openssl-config print
  redirect-warnings report-dir report-directory report-filename report-signal run secure-heap secure-heap-min
  snapshot-blob test-name-pattern test-reporter test-reporter-destination title tls-cipher-list tls-keylog
  trace-event-categories trace-event-file-pattern unhandled-rejections watch-path`
    .split(/\s+/)
    .map((name) => `--${name}`),
);

/** Source: node(1), nodejs.org/api/cli.html. */
export const node: Interpreter = {
  language: "node",
  names: /^(?:node|nodejs)[0-9.]*$/,
  forks: false, // its workers are started anew, with the same words
  programOf: (argv) => {
    const words = argv[1] === "inspect" ? [argv[0] ?? "", ...argv.slice(2)] : argv;
    const options = optionsOf(words, { next: "rCep", attached: "", long: LONG, last: "" });
    const modules = valuesOf(options, "r", "--require", "--import", "--loader", "--experimental-loader");
    const [script] = options.rest;
    if (has(options, "--run", "--test", "--build-snapshot"))
      return program({ modules, untold: "it was started for a task of its folder" });
    const isCode = has(options, "e", "p", "--eval", "--print", "i", "--interactive");
    return isCode || script === undefined || script === "-" ? noFile(modules) : program({ script, modules });
  },
};
