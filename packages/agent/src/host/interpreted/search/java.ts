import { type TreeFile, under } from "../tree.ts";
import type { ProgramFile, Searcher } from "./search.ts";

const ARCHIVE = /\.(?:jar|war|ear|zip|jmod)$/i;

/** Source: java(1), "Class path" of docs.oracle.com. A class is loaded when it is first used, archives stay open. */
export const searchJava: Searcher = ({ tree, program, folder, variable }) => {
  const classPath = program.archives.length > 0 ? program.archives : (variable("CLASSPATH") ?? "").split(":");
  const entries = classPath.filter((entry) => entry !== "").map((entry) => under(folder ?? "/", entry));
  const files = entries.flatMap((entry): readonly (TreeFile | null)[] => {
    if (entry.endsWith("/*")) {
      const at = entry.slice(0, -2);
      return [...(tree.names(at) ?? [])].filter((name) => ARCHIVE.test(name)).map((name) => tree.file(`${at}/${name}`));
    }
    const file = tree.file(entry);
    if (file !== null) return [file];
    return program.modules.map((name) => tree.file(`${entry}/${name.replaceAll(".", "/")}.class`));
  });
  const roots = files.flatMap((file): readonly ProgramFile[] => {
    if (file === null) return [];
    return [{ ...file, role: file.path.endsWith(".class") ? "script" : "archive" }];
  });
  return { roots, next: () => [] };
};
