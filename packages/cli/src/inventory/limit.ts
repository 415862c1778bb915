import { readFile } from "node:fs/promises";
import { fileReason, usageError } from "@afterpatch/core/command-error";
import { LONGEST_LIMIT } from "@afterpatch/core/fleet/scope";
import { splitPattern } from "@afterpatch/core/fleet/select";

/** The pattern of one `--limit`. A term `@FILE` stands for the lines of that file, each one term, as in Ansible. */
export async function limitOf(text: string): Promise<string> {
  const terms = splitPattern(text);
  if (!terms.some(isFile)) return text;
  const lines = await Promise.all(terms.map((term) => (isFile(term) ? linesOf(term.slice(1)) : [term])));
  const all = lines.flat();
  if (all.length === 0) throw usageError("--limit", "its files name no host", "write one term on each line");
  // A comma, so that a term is never divided at its colons.
  return `${all.join(",")},`;
}

function isFile(term: string): boolean {
  return term.startsWith("@") && !term.startsWith("@nodeset:");
}

async function linesOf(file: string): Promise<readonly string[]> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw usageError("--limit", `${file}: ${fileReason(cause)}`, "name a file that you may read", { cause });
  });
  if (text.length > LONGEST_LIMIT)
    throw usageError("--limit", `${file}: is longer than ${LONGEST_LIMIT} characters`, "divide it");
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
