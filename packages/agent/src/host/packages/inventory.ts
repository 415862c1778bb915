import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type InventoryEntry,
  LONGEST_INVENTORY,
  parseInventory,
  serializeInventory,
} from "@afterpatch/core/packages/inventory";
import { allowance, readBytes } from "./bytes.ts";
import { codeOf, explain } from "../read.ts";

/** Where the inventory of a state directory is; null where none is kept: without the directory, and without root. */
export function inventoryIn(stateDir: string): string | null {
  if (process.geteuid?.() !== 0) return null;
  try {
    return statSync(stateDir).isDirectory() ? join(stateDir, "inventory") : null;
  } catch (error) {
    codeOf(error); // no such directory
    return null;
  }
}

/** What earlier scans saw. One that cannot be used is left out and said, never fatal. */
export function loadInventory(file: string): {
  readonly entries: readonly InventoryEntry[];
  readonly notes: readonly string[];
} {
  const read = readBytes(file, LONGEST_INVENTORY, allowance());
  if (read.kind === "missing") return { entries: [], notes: [] };
  const entries = read.kind === "bytes" ? parseInventory(read.bytes.toString("utf8")) : null;
  if (entries !== null) return { entries, notes: [] };
  const why = read.kind === "unreadable" ? read.why : "it is damaged, or of another version of this program";
  return { entries: [], notes: [`inventory: ${file}: ${why}: it is begun anew`] };
}

/** In one step: the old file stays in force until the new one is complete on the disk. Answers with a note where that failed. */
export function saveInventory(file: string, entries: readonly InventoryEntry[]): string | null {
  return saveText(file, serializeInventory(entries));
}

/** The same of any text. */
export function saveText(file: string, text: string): string | null {
  const next = `${file}.${process.pid}.tmp`;
  try {
    rmSync(next, { force: true }); // of a process of the same number that was killed
    writeFileSync(next, text, { flag: "wx", mode: 0o600, flush: true });
    renameSync(next, file);
    const folder = openSync(dirname(file), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
    return null;
  } catch (error) {
    const code = codeOf(error);
    rmSync(next, { force: true });
    return `inventory: ${dirname(file)}: ${explain(code)}: it is not kept`;
  }
}
