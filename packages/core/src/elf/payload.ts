import { layoutOf, type ReadAt } from "./layout.ts";

const PT_NOTE = 4;

/** More than notes of linkers and compilers ever are. */
const LARGE_NOTE = 64 * 1024;

/** Behind the last thing of which the headers tell; alignment is less. */
const SLACK = 4096;

/**
 * Whether an ELF file carries a program of its own beside what was linked: single executables of Node have it in a note,
 * other packers put it at the end. One in a section (as `objcopy --add-section` makes it) is not seen. The build-id of
 * such a file is that of the runtime in front, the same in every version of every such program. `size`: of the file,
 * bytes. A hostile file may claim what it likes: then its bytes are compared.
 */
export function carriesPayload(read: ReadAt, size: number): boolean {
  const elf = layoutOf(read);
  if (!elf) return false;
  const ends = elf.segments.map(({ offset, fileSize }) => offset + fileSize);
  const told = Math.max(elf.sectionsEnd, ...ends);
  return size > told + SLACK || elf.segments.some(({ type, fileSize }) => type === PT_NOTE && fileSize > LARGE_NOTE);
}
