import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { buildIdOf, MAX_READ } from "@afterpatch/core/elf/build-id";
import type { Mapping } from "@afterpatch/core/proc/maps";
import type { Task } from "../host/processes.ts";
import { codeOf } from "../host/read.ts";

/**
 * Build-id of a mapped file through the kernel's handle; null where it has none or may not be read. Only for files that
 * were compared before: the handle of a file on a dead server would not answer.
 */
export function buildIdOfMapped({ range }: Mapping, [first]: readonly Task[]): string | null {
  if (!first) return null;
  try {
    const fd = openSync(`${first.proc}/map_files/${range}`, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return fstatSync(fd).isFile() ? readBuildId(fd) : null;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    codeOf(error);
    return null;
  }
}

function readBuildId(fd: number): string | null {
  return buildIdOf((offset, length) => {
    const bytes = Buffer.alloc(Math.min(length, MAX_READ));
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, offset));
  });
}
