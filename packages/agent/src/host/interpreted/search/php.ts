import { phpImports } from "@afterpatch/core/interpreters/imports/php";
import { folderOf, under } from "../tree.ts";
import { type Searcher, scripts } from "./search.ts";

const INCLUDE_PATH = ["/usr/share/php"];

/** Source: php.net/manual/en/function.include.php. */
export const searchPhp: Searcher = ({ tree, folder }, script) => ({
  roots: script === null ? [] : [script],
  next: (file) =>
    scripts(
      (tree.parsed(file, phpImports) ?? []).map(({ path, isRelative }) => {
        const own = folderOf(file.path);
        const places = isRelative ? [own] : [...INCLUDE_PATH, ...(folder === null ? [] : [folder]), own];
        return places.map((place) => tree.file(under(place, path))).find((one) => one !== null) ?? null;
      }),
    ),
});
