import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import type { Mutant } from "./mutants.ts";

/**
 * Has the module of a mutant loaded with its bug, from now on in this process; nothing of the product may be loaded yet.
 * Throws an Error where a text is not in the source exactly once: the mutant has to follow the product.
 */
export function plant({ name, file, changes }: Mutant): void {
  const url = new URL(`../../packages/${file}`, import.meta.url);
  let source = readFileSync(url, "utf8");
  for (const [from, to] of changes) {
    const count = source.split(from).length - 1;
    if (count !== 1) throw new Error(`mutant '${name}': ${file} has its text ${count} times, not once: ${from.trim()}`);
    source = source.replace(from, () => to);
  }
  registerHooks({
    load: (loaded, context, next) =>
      loaded === url.href ? { format: "module-typescript", source, shortCircuit: true } : next(loaded, context),
  });
}
