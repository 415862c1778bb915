import { join } from "node:path";
import type { Plugin } from "esbuild";

/**
 * An import of a module of Node's makes Node list all that it exports, and with that load what would be loaded only when
 * it is used, such as `fs.promises`. Our own code gets what it imports from the module itself instead, which costs a scan
 * 5 MB less. What `agent/src/host` has of two large modules, functions, is not even loaded before the first call.
 */
export function withoutFacades(root: string): Plugin {
  const ours = join(root, "packages/");
  const host = join(ours, "agent/src/host/");
  return {
    name: "without-facades",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^node:/ }, ({ path, kind, importer }) => {
        const isOurs = importer.startsWith(ours) && !importer.includes("/node_modules/");
        if (kind !== "import-statement" || !isOurs) return undefined;
        const isLate = WHEN_CALLED.includes(path) && importer.startsWith(host);
        return { path, namespace: isLate ? "when-called" : "at-once" };
      });
      onLoad({ filter: /.*/, namespace: "at-once" }, ({ path }) => ({ contents: exportsOf(path, atOnce) }));
      onLoad({ filter: /.*/, namespace: "when-called" }, ({ path }) => ({ contents: exportsOf(path, whenCalled) }));
    },
  };
}

const WHEN_CALLED: readonly string[] = ["node:child_process", "node:crypto"];

function exportsOf(path: string, line: (module: string, name: string) => string): string {
  const names = Object.keys(process.getBuiltinModule(path) ?? {});
  return names.map((name) => line(`process.getBuiltinModule(${JSON.stringify(path)})`, name)).join("\n");
}

// Pure: what nobody imports is left out.
function atOnce(module: string, name: string): string {
  return `export const ${name} = /* @__PURE__ */ (() => ${module}.${name})();`;
}

function whenCalled(module: string, name: string): string {
  return `export function ${name}(...args) { return ${module}.${name}(...args); }`;
}
