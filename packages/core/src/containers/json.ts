// Narrowing of what engines write and answer: their own JSON, which other programs may have damaged.

/** What `read` makes of each object of a JSON list; null when the text is none, or when `read` cannot make anything of one. */
export function each<T>(
  text: string,
  read: (entry: Readonly<Record<string, unknown>>) => T | null,
): readonly T[] | null {
  const rows = parsed(text);
  if (!Array.isArray(rows)) return null;
  const found: T[] = [];
  for (const row of rows) {
    const entry = object(row);
    const one = entry && read(entry);
    if (one === null) return null;
    found.push(one);
  }
  return found;
}

/** Null when the text is no JSON object. */
export function objectIn(text: string): Readonly<Record<string, unknown>> | null {
  return object(parsed(text));
}

export function object(value: unknown): Readonly<Record<string, unknown>> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return Object.assign(Object.create(null), value) as Readonly<Record<string, unknown>>; // own fields of a plain object
}

/** The texts of a list; none where it is no list. */
export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

export function textOrNull(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
