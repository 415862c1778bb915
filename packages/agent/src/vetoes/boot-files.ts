import { statfsSync } from "node:fs";
import { release } from "node:os";
import { dirname } from "node:path";
import { type BootFile, bootFilesOf } from "@afterpatch/core/kernel/boot-files";
import type { RebootMode } from "@afterpatch/core/plan/reboot";
import { visible } from "@afterpatch/core/text";
import { exists, type Files, filesOf, withFile } from "../host/kernel/files.ts";
import { readKernel } from "../host/kernel/kernel.ts";

/** Less than this free: whoever wrote a kernel or an initramfs there last may have been cut off in the middle. */
const FULL_BYTES = 1024 * 1024;

/**
 * What would not start, as a sentence, or null. `root` is empty for this machine's own tree. Which entry is started next
 * has to be known, unless a person ordered the reboot by name; what is known has to be there in any case.
 */
export function bootFilesVeto(mode: RebootMode, root = "", running = release()): string | null {
  const found = bootFilesOf(readKernel(root), running);
  switch (found.kind) {
    case "none":
      return null;
    case "unknown":
      return mode === "always"
        ? null
        : `which entry the boot loader would start is not known: ${visible(found.why)}; a person may order it (--reboot always)`;
    case "files": {
      const files = filesOf(root);
      for (const file of found.files) {
        const wrong = wrongWith(file, files);
        if (wrong !== null) return `${wrong}, which ${visible(found.by)} would start`;
      }
      return null;
    }
  }
}

function wrongWith({ what, named, places }: BootFile, files: Files): string | null {
  const place = places.find((path) => exists(files, path));
  const called = `the ${what} ${visible(place ?? named)}`;
  if (place === undefined) return `${called} is not there`;
  const read = withFile(files, place, ({ sizeBytes, path }) => ({ sizeBytes, path }));
  if (read === null) return `${called} cannot be read (${files.unreadable.at(-1)?.why ?? "it is gone"})`;
  if (read.sizeBytes === 0) return `${called} is empty`;
  const free = freeBytes(files.root + dirname(read.path));
  return free < FULL_BYTES ? `the disk is full (${free} bytes free) that has ${called}` : null;
}

/** Of what is full by its nature, such as an image of a CD, nobody is cut off: it has no blocks to give. */
function freeBytes(folder: string): number {
  const { bfree, bsize, blocks, type } = statfsSync(folder);
  return READ_ONLY.has(type) || blocks === 0 ? Number.POSITIVE_INFINITY : bfree * bsize;
}

/** Magic numbers of statfs(2): squashfs, isofs, erofs, cramfs. */
const READ_ONLY: ReadonlySet<number> = new Set([0x73717368, 0x9660, 0xe0f5e1e2, 0x28cd3d45]);
