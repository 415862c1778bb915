import type { LoaderFacts } from "@afterpatch/core/kernel/facts";
import { textOfBytes } from "@afterpatch/core/text";
import { exists, type Files, namesIn, textOf } from "./files.ts";

/** Where the partition that a boot loader reads may be mounted. */
export const BOOT_FOLDERS = ["/boot", "/efi", "/boot/efi"] as const;

const LONGEST_CONFIG = 1024 * 1024;
const MOST_ENTRIES = 300;

/** Texts of the boot loaders' configuration. Which of them counts is judged later. */
export function loaderOf(files: Files): LoaderFacts {
  return { grub: grubOf(files), entries: entriesOf(files), legacy: legacyOf(files), variables: variablesOf(files) };
}

function grubOf(files: Files): LoaderFacts["grub"] {
  const vendors = (namesIn(files, "/boot/efi/EFI", 100) ?? []).map((name) => `/boot/efi/EFI/${name}`);
  for (const folder of ["/boot/grub", "/boot/grub2", ...vendors]) {
    const config = textOf(files, `${folder}/grub.cfg`, LONGEST_CONFIG);
    // On EFI a file of three lines leads to the real one.
    if (config === null || !/^\s*(?:menuentry|submenu|blscfg)\b/m.test(config)) continue;
    const environment = textOf(files, `${folder}/grubenv`) ?? textOf(files, "/boot/grub2/grubenv");
    const custom = exists(files, `${folder}/custom.cfg`);
    return {
      path: textOfBytes(`${folder}/grub.cfg`),
      config: textOfBytes(config),
      environment: environment === null ? null : textOfBytes(environment),
      custom,
    };
  }
  return null;
}

/** Entries of the Boot Loader Specification, which may be on another partition than loader.conf. */
function entriesOf(files: Files): LoaderFacts["entries"] {
  let path: string | null = null;
  let config: string | null = null;
  const found: { name: string; text: string }[] = [];
  const unified: string[] = [];
  for (const folder of BOOT_FOLDERS) {
    const loader = `${folder}/loader`;
    config ??= textOf(files, `${loader}/loader.conf`);
    const names = (namesIn(files, `${loader}/entries`) ?? []).filter((name) => name.endsWith(".conf"));
    for (const name of names.slice(0, MOST_ENTRIES)) {
      const text = textOf(files, `${loader}/entries/${name}`);
      if (text !== null) found.push({ name: textOfBytes(name), text: textOfBytes(text) });
    }
    if (names.length > 0 || config !== null) path ??= loader;
    unified.push(
      ...(namesIn(files, `${folder}/EFI/Linux`) ?? []).filter((name) => /\.efi$/i.test(name)).map(textOfBytes),
    );
  }
  if (path === null && unified.length === 0) return null;
  return { path: path ?? "/boot/loader", config: config === null ? null : textOfBytes(config), files: found, unified };
}

function legacyOf(files: Files): LoaderFacts["legacy"] {
  for (const path of ["/boot/grub/grub.conf", "/boot/grub/menu.lst"]) {
    const config = textOf(files, path, LONGEST_CONFIG);
    if (config !== null) return { path, config: textOfBytes(config) };
  }
  return null;
}

const VARIABLES = ["LoaderInfo", "LoaderEntryOneShot", "LoaderEntryDefault", "LoaderEntryLastBooted"] as const;
/** Vendor of systemd's Boot Loader Interface. */
const VENDOR = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

function variablesOf(files: Files): LoaderFacts["variables"] {
  const folder = "/sys/firmware/efi/efivars";
  if (!exists(files, folder)) return null;
  const values: Record<string, string> = {};
  for (const name of VARIABLES) {
    const bytes = textOf(files, `${folder}/${name}-${VENDOR}`, 4096);
    // Four bytes of attributes, then UTF-16 that ends with a zero.
    if (bytes !== null) values[name] = Buffer.from(bytes.slice(4), "latin1").toString("utf16le").replace(/\0.*$/s, "");
  }
  return values;
}
