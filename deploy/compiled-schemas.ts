import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AJV_OPTIONS } from "@afterpatch/config/compile";
import { Ajv2020 } from "ajv/dist/2020.js";
import standaloneModule from "ajv/dist/standalone/index.js";
import type { Plugin } from "esbuild";

/** Of files that the programs read. */
const SCHEMAS = {
  agent: "docs/agent.schema.json",
  controller: "docs/controller.schema.json",
  rollout: "docs/rollout.schema.json",
} as const;

// A CommonJS module: Node gives its exports as the default one.
const { default: standaloneCode } = standaloneModule as unknown as {
  default: typeof import("ajv/dist/standalone/index.js").default;
};

/** Puts validators that are made now in the place of packages/config/src/compile.ts: nothing built makes code at run time. */
export function compiledSchemas(root: string): Plugin {
  return {
    name: "compiled-schemas",
    setup({ onLoad }) {
      onLoad({ filter: /\/docs\/[a-z]+\.schema\.json$/ }, async ({ path }) => ({
        contents: JSON.stringify(withoutWords(await readFile(path, "utf8"))),
        loader: "json",
      }));
      onLoad({ filter: /\/packages\/config\/src\/compile\.ts$/ }, async ({ path }) => {
        const ajv = new Ajv2020({ ...AJV_OPTIONS, code: { source: true, esm: true } });
        const ids: Record<string, string> = {};
        for (const [name, file] of Object.entries(SCHEMAS)) {
          const schema = withoutWords(await readFile(join(root, file), "utf8"));
          ajv.addSchema(schema, name);
          ids[name] = schema.$id;
        }
        const code = standaloneCode(ajv, Object.fromEntries(Object.keys(ids).map((name) => [name, name])));
        const cases = Object.entries(ids).map(
          ([name, id]) => `if (schema.$id === ${JSON.stringify(id)}) return ${name};`,
        );
        const pick = `export function validatorOf(schema) { ${cases.join(" ")} throw new Error("no validator for " + schema.$id); }`;
        return { contents: `${code}\n${pick}\n`, loader: "js", resolveDir: dirname(path) };
      });
    },
  };
}

/** Descriptions and defaults are for people and editors: no program reads them. */
function withoutWords(text: string) {
  return JSON.parse(text, (key, value) => (key === "description" || key === "default" ? undefined : value));
}
