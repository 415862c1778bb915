import { type NextBoot, unknown } from "./next-boot.ts";
import type { LoaderFacts } from "./facts.ts";

/** What GRUB 0.97 starts next, RHEL 6 and older: `default=N` counts the `title` lines. */
export function legacyNext({ path, config }: NonNullable<LoaderFacts["legacy"]>): NextBoot {
  const lines = config.split("\n").map((line) => line.trim());
  const chosen =
    lines.map((line) => /^default[\s=]+(\S+)$/.exec(line)?.[1]).findLast((value) => value !== undefined) ?? "0";
  if (!/^[0-9]{1,4}$/.test(chosen)) return unknown(`the default of ${path} is ${chosen}, kept where it is not read`);
  let at = -1;
  let linux: string | null = null;
  const initrd: string[] = [];
  for (const line of lines) {
    const [, word, argument] = /^(title|kernel|module|initrd)\s+(\S+)/.exec(line) ?? [];
    if (word === "title") at += 1;
    if (at !== Number(chosen) || argument === undefined) continue;
    const file = argument.replace(/^\([^)]*\)/, "");
    // With Xen the hypervisor is the kernel, and Linux the first module.
    if (word === "kernel" ? !/xen[^/]*\.gz/.test(file) : word === "module") linux ??= file;
    if (word === "initrd") initrd.push(file);
  }
  if (linux === null) return unknown(`the default entry of ${path} could not be told`);
  return { kind: "entry", by: path, linux, release: null, initrd };
}
