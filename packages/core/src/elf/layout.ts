/** Bytes of a file at an offset: fewer than asked at its end, none beyond. Called a few times, each for at most 64 KiB. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

/** What is needed of the head of an ELF file, see elf(5). */
export interface Elf {
  readonly is64: boolean;
  readonly littleEndian: boolean;
  /** EM_*: 62 is x86-64, 183 is AArch64. */
  readonly machine: number;
  readonly segments: readonly Segment[];
  /** Where the table of section headers ends, in bytes; 0 where there is none, as after `sstrip`. */
  readonly sectionsEnd: number;
}

/** One program header. Every number is a claim of the file. */
export interface Segment {
  /** PT_* */
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly align: number;
}

const MAX_SEGMENTS = 1024;

/** Null when the file is no ELF file, or one that no loader would take. */
export function layoutOf(read: ReadAt): Elf | null {
  const header = viewOf(read(0, 64));
  const kind = identify(header);
  if (!kind) return null;
  const [phoff, phentsize, phnum] = kind.is64
    ? [wide(header, 32, kind), half(header, 54, kind), half(header, 56, kind)]
    : [word(header, 28, kind), half(header, 42, kind), half(header, 44, kind)];
  const machine = half(header, 18, kind);
  if (phoff === null || phentsize !== (kind.is64 ? 56 : 32) || phnum === null || phnum > MAX_SEGMENTS) return null;
  const table = viewOf(read(phoff, phentsize * phnum));
  return {
    ...kind,
    machine: machine ?? 0,
    segments: segmentsOf(table, kind),
    sectionsEnd: sectionsEndOf(header, kind),
  };
}

function sectionsEndOf(header: DataView, kind: Pick<Elf, "is64" | "littleEndian">): number {
  const [shoff, shentsize, shnum] = kind.is64
    ? [wide(header, 40, kind), half(header, 58, kind), half(header, 60, kind)]
    : [word(header, 32, kind), half(header, 46, kind), half(header, 48, kind)];
  return (shoff ?? 0) + (shentsize ?? 0) * (shnum ?? 0);
}

/** Program headers in `table`; those with numbers that no file can have are left out. */
export function segmentsOf(table: DataView, elf: Pick<Elf, "is64" | "littleEndian">): readonly Segment[] {
  const size = elf.is64 ? 56 : 32;
  const segments: Segment[] = [];
  for (let at = 0; at + size <= table.byteLength; at += size) {
    const [offset, address, fileSize, align] = elf.is64
      ? [8, 16, 32, 48].map((field) => wide(table, at + field, elf))
      : [4, 8, 16, 28].map((field) => word(table, at + field, elf));
    if (offset == null || address == null || fileSize == null || align == null) continue;
    segments.push({ type: word(table, at, elf) ?? 0, offset, address, fileSize, align });
  }
  return segments;
}

function identify(header: DataView): Pick<Elf, "is64" | "littleEndian"> | null {
  if (header.byteLength < 52 || header.getUint32(0) !== 0x7f454c46) return null;
  const elfClass = header.getUint8(4);
  const encoding = header.getUint8(5);
  if ((elfClass !== 1 && elfClass !== 2) || (encoding !== 1 && encoding !== 2)) return null;
  const is64 = elfClass === 2;
  return is64 && header.byteLength < 64 ? null : { is64, littleEndian: encoding === 1 };
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

type ByteOrder = Pick<Elf, "littleEndian">;

function half(view: DataView, at: number, { littleEndian }: ByteOrder): number | null {
  return at + 2 <= view.byteLength ? view.getUint16(at, littleEndian) : null;
}

function word(view: DataView, at: number, { littleEndian }: ByteOrder): number | null {
  return at + 4 <= view.byteLength ? view.getUint32(at, littleEndian) : null;
}

/** A 64-bit number, null where it is beyond 2^53: no file and no address of a program is that big. */
export function wide(view: DataView, at: number, { littleEndian }: ByteOrder): number | null {
  if (at < 0 || at + 8 > view.byteLength) return null;
  // Not as a bigint, which would be an object for each of many thousand numbers.
  const low = view.getUint32(littleEndian ? at : at + 4, littleEndian);
  const high = view.getUint32(littleEndian ? at + 4 : at, littleEndian);
  return high < 2 ** 21 ? high * 2 ** 32 + low : null;
}
