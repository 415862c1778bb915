/** Bytes of a file at an offset: fewer than asked at its end, none beyond. Called a few times, each for at most MAX_READ. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

export const MAX_READ = 64 * 1024;
const MAX_SEGMENTS = 1024;
const MAX_NOTE_SEGMENTS = 16;
const PT_NOTE = 4;
const NT_GNU_BUILD_ID = 3;
const GNU = 0x474e5500; // "GNU\0"

interface Elf {
  readonly is64: boolean;
  readonly littleEndian: boolean;
}

/**
 * Build-id of an ELF file in lower-case hex, null when it has none or is no ELF file; see elf(5). The file may be
 * hostile: every offset and size in it is a claim, nothing is read but through `read`, and the number of reads is fixed.
 */
export function buildIdOf(read: ReadAt): string | null {
  const header = viewOf(read(0, 64));
  const elf = identify(header);
  if (!elf) return null;
  const [phoff, phentsize, phnum] = elf.is64
    ? [wide(header, 32, elf), half(header, 54, elf), half(header, 56, elf)]
    : [word(header, 28, elf), half(header, 42, elf), half(header, 44, elf)];
  if (phoff === null || phentsize !== (elf.is64 ? 56 : 32) || phnum === null || phnum > MAX_SEGMENTS) return null;
  const table = viewOf(read(phoff, phentsize * phnum));
  let notes = 0;
  for (let at = 0; at + phentsize <= table.byteLength; at += phentsize) {
    if (word(table, at, elf) !== PT_NOTE || ++notes > MAX_NOTE_SEGMENTS) continue;
    const [offset, size, align] = elf.is64
      ? [wide(table, at + 8, elf), wide(table, at + 32, elf), wide(table, at + 48, elf)]
      : [word(table, at + 4, elf), word(table, at + 16, elf), word(table, at + 28, elf)];
    if (offset === null || size === null || align === null) continue;
    const id = buildIdIn(viewOf(read(offset, Math.min(size, MAX_READ))), align === 8 ? 8 : 4, elf);
    if (id !== null) return id;
  }
  return null;
}

function identify(header: DataView): Elf | null {
  if (header.byteLength < 52 || header.getUint32(0) !== 0x7f454c46) return null;
  const elfClass = header.getUint8(4);
  const encoding = header.getUint8(5);
  if ((elfClass !== 1 && elfClass !== 2) || (encoding !== 1 && encoding !== 2)) return null;
  const is64 = elfClass === 2;
  return is64 && header.byteLength < 64 ? null : { is64, littleEndian: encoding === 1 };
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

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function half(view: DataView, at: number, { littleEndian }: Elf): number | null {
  return at + 2 <= view.byteLength ? view.getUint16(at, littleEndian) : null;
}

function word(view: DataView, at: number, { littleEndian }: Elf): number | null {
  return at + 4 <= view.byteLength ? view.getUint32(at, littleEndian) : null;
}

/** A 64-bit number, null where it is beyond 2^53: no file is that long. */
function wide(view: DataView, at: number, { littleEndian }: Elf): number | null {
  if (at + 8 > view.byteLength) return null;
  const value = view.getBigUint64(at, littleEndian);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null;
}
