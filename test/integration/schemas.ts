import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

const DOCS = join(import.meta.dirname, "../../docs");
const compiled = new Map<string, ValidateFunction>();

/** What in the JSON text of a document differs from docs/NAME.schema.json; empty when nothing does. */
export function documentErrors(name: string, json: string): readonly string[] {
  const validate = compiled.get(name) ?? compile(name);
  compiled.set(name, validate);
  if (validate(JSON.parse(json))) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

function compile(name: string): ValidateFunction {
  const text = readFileSync(join(DOCS, `${name}.schema.json`), "utf8");
  return new Ajv2020({ allErrors: true, strict: true, strictTypes: false }).compile(JSON.parse(text));
}
