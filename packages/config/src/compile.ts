import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

/** Every mistake at once, with what it was found in. */
export const AJV_OPTIONS = { allErrors: true, verbose: true, strict: true, allowUnionTypes: true } as const;

/**
 * The function that holds a value against `schema` (JSON Schema 2020-12). It is made here when the programs run from their
 * sources; a build puts functions that were made before in the place of this file (deploy/compiled-schemas.ts), for what
 * is built makes no code at run time.
 */
export function validatorOf(schema: object): ValidateFunction {
  return new Ajv2020(AJV_OPTIONS).compile(schema);
}
