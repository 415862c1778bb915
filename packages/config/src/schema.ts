import { nearest } from "@afterpatch/core/fleet/nearest";
import type { KeyPath } from "@afterpatch/core/file-reader";
import type { ErrorObject } from "ajv/dist/2020.js";
import { validatorOf } from "./compile.ts";

export interface SchemaProblem {
  readonly path: KeyPath;
  readonly message: string;
  /** The key itself is what is wrong. */
  readonly atKey: boolean;
}

/** Says what in a value is not of the form of `schema` (JSON Schema 2020-12), which is called `name`. */
export function schemaProblemsOf(schema: object, name: string): (value: unknown) => readonly SchemaProblem[] {
  const validate = validatorOf(schema);
  return (value) => {
    if (validate(value)) return [];
    return (validate.errors ?? []).flatMap((error) => problemOf(error, name) ?? []);
  };
}

function problemOf(error: ErrorObject, name: string): SchemaProblem | null {
  const path = pathOf(error);
  const { keyword, params, data } = error;
  // Said once, by propertyNames.
  if (error.propertyName !== undefined) return null;
  const at = (message: string): SchemaProblem => ({ path, message, atKey: false });
  switch (keyword) {
    case "additionalProperties":
      return { path: [...path, String(params.additionalProperty)], message: unknownKey(error), atKey: true };
    case "required":
      return { path: [...path, String(params.missingProperty)], message: "is missing", atKey: true };
    case "type":
      return at(`has to be ${typesText(params.type)}, and is ${valueText(data)}`);
    case "enum":
      return at(`has to be ${oneOf(params.allowedValues)}, and is ${valueText(data)}`);
    case "pattern":
      return at(`has to be ${title(error)}, and is ${valueText(data)}`);
    case "minimum":
      return at(`has to be ${params.limit} at least, and is ${valueText(data)}`);
    case "maximum":
      return at(`has to be ${params.limit} at most, and is ${valueText(data)}`);
    case "minItems":
    case "minProperties":
    case "minLength":
      return at("is empty; leave the key out, or give it a value");
    case "maxItems":
    case "maxProperties":
      return at(`has more than ${params.limit} entries`);
    case "maxLength":
      return at(`is longer than ${params.limit} characters`);
    case "propertyNames":
      return {
        path: [...path, String(params.propertyName)],
        message: "has to be a name of letters, digits and _",
        atKey: true,
      };
    // `if` only repeats what its branch said.
    default:
      return keyword === "if" ? null : at(error.message ?? `is not of the form of ${name}`);
  }
}

/** JSON pointer (RFC 6901) to keys and indices; a key of digits alone is not in the schema. */
function pathOf({ instancePath }: ErrorObject): KeyPath {
  return instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^[0-9]+$/.test(part) ? Number(part) : part));
}

function unknownKey({ params, parentSchema }: ErrorObject): string {
  const known: unknown = parentSchema?.properties;
  const keys = typeof known === "object" && known !== null ? Object.keys(known) : [];
  const name = String(params.additionalProperty);
  if (name === "<<") return "unknown key; nothing is merged here, write it out";
  const [candidate] = nearest(name, keys);
  const near = candidate === undefined ? `; known here: ${keys.join(", ")}` : `; did you mean ${candidate}?`;
  return `unknown key${near}`;
}

const TYPES: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  integer: "a whole number",
  object: "a mapping",
  string: "text",
};

function typesText(type: unknown): string {
  const names = Array.isArray(type) ? type : [type];
  return names.map((name) => TYPES[String(name)] ?? String(name)).join(" or ");
}

function oneOf(values: unknown): string {
  return Array.isArray(values)
    ? values
        .map(String)
        .join(", ")
        .replace(/, ([^,]*)$/, " or $1")
    : String(values);
}

function title({ parentSchema, params }: ErrorObject): string {
  const text: unknown = parentSchema?.title;
  return typeof text === "string" ? text : `text that matches ${String(params.pattern)}`;
}

const LONGEST_SHOWN = 60;

function valueText(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  const kind = typeof value === "number" ? "the number " : "";
  return `${kind}${text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN).toWellFormed()}...` : text}`;
}
