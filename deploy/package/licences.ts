import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../bundling.ts";
import type { Component } from "./components.ts";

/** Our own licence, and those of all that is in the program: what Debian has as /usr/share/doc/PACKAGE/copyright. */
export async function copyright(name: string, components: readonly Component[]): Promise<string> {
  const own = await readFile(join(ROOT, "LICENSE"), "utf8");
  const parts = components.map(({ name, version, licence, licenceText }) => {
    return `${"-".repeat(78)}\n${name} ${version}: ${licence}\n\n${licenceText.trim()}\n`;
  });
  return `${name} is licensed as follows; after that what is in it of others.\n\n${own.trim()}\n\n${parts.join("\n")}`;
}
