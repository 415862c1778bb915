/** One key of a file, as a page shows it. */
export interface Key {
  /** `windows[].start`: of each member of the list. */
  readonly path: string;
  readonly type: string;
  /** `needed`; null: what its absence means is told with the rest. */
  readonly standard: string | null;
  /** Empty: any value of the type. */
  readonly range: string;
  readonly meaning: string;
}

/** A JSON Schema (2020-12), as far as it is read here. */
export interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly else?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
}

/** Every key that a file of this schema may have, those that hold others too. */
export function keysOf(root: Schema): readonly Key[] {
  /** Where a definition was told of first: it is told once. */
  const told = new Map<Schema, string>();
  const below = (schema: Schema, path: string): readonly Key[] =>
    Object.entries(schema.properties ?? {}).flatMap(([name, given]) => {
      const own = resolved(given, root);
      const at = path === "" ? name : `${path}.${name}`;
      return [keyOf(own, at, schema.required?.includes(name) === true, root), ...inside(own, at)];
    });
  /** What a key holds: a mapping, or a list of them. */
  const inside = (schema: Schema, path: string): readonly Key[] => {
    if (schema.else) return inside(resolved(schema.else, root), path);
    if (schema.items) return inside(resolved(schema.items, root), `${path}[]`);
    if (!schema.properties) return [];
    const first = told.get(schema.properties);
    if (first !== undefined)
      return [{ path: `${path}.*`, type: "", standard: null, range: "", meaning: `The keys of ${first}.` }];
    told.set(schema.properties, path);
    return below(schema, path);
  };
  return below(root, "");
}

/** A definition with what is said where it is used. */
function resolved(schema: Schema, root: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const name = schema.$ref.replace("#/$defs/", "");
  const definition = root.$defs?.[name];
  if (!definition) throw new Error(`a schema refers to ${schema.$ref}, which is not there`);
  return { ...resolved(definition, root), ...schema };
}

function keyOf(schema: Schema, path: string, isNeeded: boolean, root: Schema): Key {
  const { description } = schema;
  if (description === undefined) throw new Error(`the schema of ${path} has no description; write it there`);
  // Durations are text to a schema: which of them hold is the last sentence.
  const [, meaning = description, range = null] = /^(.*?\.) (\d+[smhd] to \d+[smhd][^.]*)\.$/.exec(description) ?? [];
  return {
    path,
    type: typeOf(schema, root),
    standard: isNeeded ? "needed" : standardOf(schema.default),
    range: range ?? rangeOf(schema, root),
    meaning,
  };
}

function standardOf(standard: unknown): string | null {
  if (standard === undefined) return null;
  if (typeof standard === "object" && standard !== null && Object.keys(standard).length === 0) return "none";
  return typeof standard === "string" ? standard : JSON.stringify(standard);
}

const TYPES: Readonly<Record<string, string>> = {
  boolean: "true or false",
  integer: "whole number",
  object: "mapping",
  string: "text",
};

function typeOf(schema: Schema, root: Schema): string {
  if (schema.items) {
    const one = resolved(schema.items, root);
    return one.properties ? "list of mappings" : one.items ? "list of lists" : `list of ${pluralOf(one)}`;
  }
  // One that may be a cron expression as well is text.
  if (schema.title?.startsWith("a duration like") && !schema.title.includes("cron")) return "duration";
  const types = [schema.type ?? (schema.enum ? "string" : [])].flat();
  return types.map((type) => TYPES[type] ?? type).join(" or ");
}

function pluralOf({ enum: choices, type }: Schema): string {
  if (choices) return "words";
  const types = [type].flat();
  return types.includes("integer") ? "whole numbers or texts" : "texts";
}

function rangeOf(schema: Schema, root: Schema): string {
  const { title, minimum, maximum, minItems = 0, maxItems, maxLength, items } = schema;
  if (schema.enum) return schema.enum.map(String).join(", ");
  if (items) {
    const one = resolved(items, root);
    const entries =
      maxItems === undefined ? [] : [minItems === 0 ? `${maxItems} at most` : `${minItems} to ${maxItems}`];
    return [...entries, ...(one.properties ? [] : [rangeOf(one, root)])].filter((text) => text !== "").join("; ");
  }
  if (title !== undefined) return title;
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  return maxLength === undefined ? "" : `${maxLength} characters at most`;
}
