import { chmod, copyFile, mkdir, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** One thing that a package puts on a host; all of it belongs to root. */
export interface Item {
  /** From the root of the host, with a leading slash. */
  readonly path: string;
  /** Permissions, chmod(2). */
  readonly mode: number;
  readonly content: Content;
  /** Kept on upgrades when somebody changed it, and when the package is removed. */
  readonly isConfig?: boolean;
}

type Content = { readonly file: string } | { readonly text: string | Buffer } | { readonly directory: true };

/** Puts the items below a directory, with times of their own. */
export async function writeTree(root: string, items: readonly Item[], madeAt: Date): Promise<void> {
  for (const { path, mode, content } of items) {
    const target = join(root, path);
    await mkdir("directory" in content ? target : dirname(target), { recursive: true });
    if ("file" in content) await copyFile(content.file, target);
    if ("text" in content) await writeFile(target, content.text);
    await chmod(target, mode);
    await utimes(target, madeAt, madeAt);
  }
}

export function isFile({ content }: Item): boolean {
  return !("directory" in content);
}
