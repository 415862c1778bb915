import { type Elf, layoutOf, type ReadAt, viewOf } from "./layout.ts";

export const MAX_READ = 64 * 1024;
const MAX_NOTE_SEGMENTS = 16;
const PT_NOTE = 4;
const NT_GNU_BUILD_ID = 3;
const GNU = 0x474e5500; // "GNU\0"

/**
 * Build-id of an ELF file in lower-case hex, null when it has none or is no ELF file; see elf(5). The file may be
 * hostile: every offset and size in it is a claim, nothing is read but through `read`, and the number of reads is fixed.
 */
export function buildIdOf(read: ReadAt): string | null {
  const elf = layoutOf(read);
  if (!elf) return null;
  const notes = elf.segments.filter(({ type }) => type === PT_NOTE).slice(0, MAX_NOTE_SEGMENTS);
  for (const { offset, fileSize, align } of notes) {
    const id = buildIdIn(viewOf(read(offset, Math.min(fileSize, MAX_READ))), align === 8 ? 8 : 4, elf);
    if (id !== null) return id;
  }
  return null;
}

/** Searches the notes of one segment: name size, descriptor size, type, name, descriptor, each padded. */
function buildIdIn(notes: DataView, align: 4 | 8, elf: Elf): string | null {
  for (let at = 0; at + 12 <= notes.byteLength; ) {
    const nameSize = notes.getUint32(at, elf.littleEndian);
    const size = notes.getUint32(at + 4, elf.littleEndian);
    const type = notes.getUint32(at + 8, elf.littleEndian);
    const start = at + 12 + padded(nameSize, align === 8 ? 4 : align);
    const descriptor = align === 8 ? padded(start, 8) : start;
    if (descriptor + size > notes.byteLength) return null;
    const isGnu = nameSize === 4 && notes.getUint32(at + 12) === GNU;
    if (isGnu && type === NT_GNU_BUILD_ID && size >= 4 && size <= 64) return hex(notes, descriptor, size);
    at = padded(descriptor + size, align);
  }
  return null;
}

function hex(view: DataView, start: number, size: number): string {
  let text = "";
  for (let at = start; at < start + size; at++) text += view.getUint8(at).toString(16).padStart(2, "0");
  return text;
}

function padded(size: number, align: number): number {
  return Math.ceil(size / align) * align;
}
