/** What a host may send beside the bodies of its reports: a plan of a thousand steps has 200 KiB. */
export const MOST_STRUCTURE_BYTES = 512 * 1024;

/**
 * Where the bodies of reports are in an AgentMessage, by field numbers (agent.proto): they are one run of bytes each, and
 * cost what they are long. Of everything else two bytes may become an object of a hundred.
 */
const BODIES: readonly (readonly number[])[] = [
  [2, 1, 8], // report.report.body
  [3, 4, 4, 8], // permit_update.outcome.proof.body
];
const LENGTH_DELIMITED = 2;

/** Bytes of an encoded AgentMessage beside the bodies of its reports. */
export function structureBytes(message: Uint8Array): number {
  return BODIES.reduce((rest, path) => rest - lengthAt(message, path), message.length);
}

/** Length of the last field of this path; 0: it is not there, or the message is broken, which its decoder tells. */
function lengthAt(bytes: Uint8Array, path: readonly number[]): number {
  const [field, ...rest] = path;
  if (field === undefined) return bytes.length;
  let found = 0;
  for (const [number, content] of delimited(bytes)) if (number === field) found = lengthAt(content, rest);
  return found;
}

/** Top-level fields that have a length (protobuf encoding, "wire types"), until something is broken. */
function* delimited(bytes: Uint8Array): Generator<readonly [field: number, content: Uint8Array]> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; at < bytes.length && shift < 70; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag % 8;
    if (kind === LENGTH_DELIMITED) {
      const length = varint();
      const content = bytes.subarray(at, at + length);
      if (!(content.length === length)) return;
      at += length;
      yield [Math.floor(tag / 8), content];
    } else if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else return;
  }
}
