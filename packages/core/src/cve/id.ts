/** CVE ids (cve.org, "CVE ID syntax"): a year and four to nineteen digits. Upper case is the form kept. */
const ID = /^CVE-[0-9]{4}-[0-9]{4,19}$/;

/** The id that a person typed, in any case; null where it is none. */
export function cveId(text: string): string | null {
  const id = text.trim().toUpperCase();
  return ID.test(id) ? id : null;
}

const NAMED = /CVE-[0-9]{4}-[0-9]{4,19}(?![0-9])/gi;

/** All that a text names, each once, in its order. */
export function cvesIn(text: string): readonly string[] {
  return [...new Set((text.match(NAMED) ?? []).map((id) => id.toUpperCase()))];
}

/** By year and number. */
export function compareCves(a: string, b: string): number {
  const [left, right] = [a.split("-"), b.split("-")];
  return Number(left[1]) - Number(right[1]) || Number(left[2]) - Number(right[2]);
}
