import type { KernelImage, LoaderFacts } from "@afterpatch/core/kernel/facts";
import { imageVersion } from "@afterpatch/core/kernel/image";
import { textOfBytes } from "@afterpatch/core/text";
import { exists, type Files, namesIn, withFile } from "./files.ts";
import { BOOT_FOLDERS } from "./loader.ts";

const MOST_IMAGES = 200;
const IMAGE = /^(?:vmlinu[xz]|[bz]?[Ii]mage|kernel)(?:[-_.]|$)/;

/** Kernels that could be started, with what the header of an x86 one says. */
export function imagesOf(files: Files, { entries }: LoaderFacts): readonly KernelImage[] {
  const inBoot = (namesIn(files, "/boot") ?? []).filter((name) => IMAGE.test(name)).map((name) => `/boot/${name}`);
  const besideModules = (namesIn(files, "/lib/modules") ?? []).map((name) => `/lib/modules/${name}/vmlinuz`);
  // Where kernel-install(8) puts them: TOKEN/RELEASE/linux on the partition that the entries are on.
  const named = (entries?.files ?? []).flatMap(({ text }) => {
    const path = /^linux[ \t]+\/*(\S+)/m.exec(text)?.[1];
    return path === undefined || path.includes("..") ? [] : BOOT_FOLDERS.map((folder) => `${folder}/${path}`);
  });
  const paths = new Set([...inBoot, ...besideModules, ...named]);
  return [...paths]
    .slice(0, MOST_IMAGES)
    .filter((path) => exists(files, path))
    .flatMap((path) => imageOf(files, path) ?? []);
}

/** An image that may not be read is one all the same: its name tells its release. */
function imageOf(files: Files, path: string): KernelImage | null {
  const read = withFile(files, path, ({ readAt, path: real, sizeBytes }) => ({
    path: textOfBytes(path),
    target: real === path || !real.includes("/") ? null : textOfBytes(real),
    version: imageVersion(readAt),
    isEmpty: sizeBytes === 0,
  }));
  if (read === null) return { path: textOfBytes(path), target: null, version: null };
  const { isEmpty, ...image } = read;
  return isEmpty ? null : image;
}
