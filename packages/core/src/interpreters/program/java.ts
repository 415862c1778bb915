import { type Interpreter, program } from "../types.ts";

const WITH_ARGUMENT = new Set(
  `cp classpath -class-path p -module-path -upgrade-module-path -add-modules -enable-native-access -limit-modules
  d -describe-module -add-reads -add-exports -add-opens -patch-module -source -finalization`
    .split(/\s+/)
    .map((name) => `-${name}`),
);
const CLASS_PATH = new Set(["-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path"]);

/** Source: java(1). Archives that a program opens by itself are told by its descriptors. */
export const java: Interpreter = {
  language: "java",
  names: /^java$/,
  forks: false,
  programOf: (argv) => {
    const archives: string[] = [];
    let untold: string | null = null;
    for (let at = 1; at < argv.length; at += 1) {
      const word = argv[at] ?? "";
      if (word.startsWith("@")) {
        untold = "it was started with a file of arguments";
        continue;
      }
      if (!word.startsWith("-")) return mainOf(word, archives, untold);
      const { name, value, taken } = optionOf(argv, at);
      at += taken;
      if (CLASS_PATH.has(name)) archives.push(...value.split(":").filter((entry) => entry !== ""));
      archives.push(...agents([word]));
      if (name === "-jar") return program({ archives: [...agents(argv.slice(0, at)), value], untold });
      if (name === "-m" || name === "--module") return program({ archives, untold });
    }
    return program({ archives, untold });
  },
};

function agents(words: readonly string[]): readonly string[] {
  return words.flatMap((word) => /^-javaagent:([^=]+)/.exec(word)?.[1] ?? []);
}

function optionOf(argv: readonly string[], at: number) {
  const word = argv[at] ?? "";
  const next = argv[at + 1] ?? "";
  const [name = "", ...rest] = word.startsWith("--") ? word.split("=") : [word];
  if (rest.length > 0) return { name, value: rest.join("="), taken: 0 };
  const takesNext = WITH_ARGUMENT.has(name) || name === "-jar" || name === "-m" || name === "--module";
  return { name, value: takesNext ? next : "", taken: takesNext ? 1 : 0 };
}

/** A class by its name, whose file is in a folder of the class path, or a source file. */
function mainOf(word: string, archives: readonly string[], untold: string | null) {
  if (word.endsWith(".java")) return program({ script: word, archives, untold });
  return program({ modules: [word], archives, untold });
}
