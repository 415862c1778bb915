import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";

const path = join(import.meta.dirname, "../../docs/scan.schema.json");
const validate = new Ajv2020({ allErrors: true, strict: true, strictTypes: false }).compile(
  JSON.parse(readFileSync(path, "utf8")),
);

/** What in a document differs from docs/scan.schema.json; empty when nothing does. */
export function schemaErrors(document: unknown): readonly string[] {
  if (validate(document)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
