import { fileURLToPath } from "node:url";
import type { BuildOptions, Plugin } from "esbuild";
import { compiledSchemas } from "./compiled-schemas.ts";

/** The checkout. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** `part`: the folder in packages/. `name`: the program, and the package that brings it. */
export const PROGRAMS = [
  { part: "agent", name: "afterpatch-agent" },
  { part: "controller", name: "afterpatch-controller" },
  { part: "cli", name: "afterpatch" },
] as const;

export type Program = (typeof PROGRAMS)[number];

/**
 * Left out of every program:
 * - proto-loader: grpc-js uses it for channelz and ORCA alone, and it would bring a second protobufjs.
 * - long: 64-bit fields are numbers. wire/src/int64.ts says so to protobufjs before the generated code loads, but esbuild
 *   does not keep the order of modules when it splits code; without the library there is nothing to say.
 */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "@grpc/proto-loader": `exports.loadSync = () => { throw new Error("proto-loader is not in this build"); };`,
  long: "module.exports = null;",
};
const withoutSome: Plugin = {
  name: "without-some",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:@grpc\/proto-loader|long)$/ }, ({ path }) => ({ path, namespace: "left-out" }));
    onLoad({ filter: /.*/, namespace: "left-out" }, ({ path }) => ({ contents: LEFT_OUT[path] ?? "", loader: "js" }));
  },
};

/** esbuild gives a CommonJS module that is imported at run time its default export alone; Node gives it `pino` too. */
const withNamedPino: Plugin = {
  name: "with-named-pino",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^pino$/ }, ({ kind, resolveDir }) =>
      kind === "dynamic-import" ? { path: "pino", namespace: "named", pluginData: resolveDir } : undefined,
    );
    onLoad({ filter: /^pino$/, namespace: "named" }, ({ pluginData }) => ({
      contents: `import pino from "pino"; export { pino }; export default pino;`,
      resolveDir: pluginData,
    }));
  },
};

/** The same for all programs, in a checkout and in packages. */
export const BUNDLING = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: "node",
  target: "node24",
  plugins: [withoutSome, withNamedPino, compiledSchemas(ROOT)],
  minifySyntax: true,
  minifyWhitespace: true,
  metafile: true as const,
  logLevel: "warning",
} satisfies BuildOptions;
