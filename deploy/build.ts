// `npm run build`: bundles each program with all it needs into packages/*/dist, for the Node that npm installed.
import { access, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { bundleAgent } from "./build-agent.ts";
import { compiledSchemas } from "./compiled-schemas.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const PROGRAMS = [
  { part: "agent", name: "afterpatch-agent" },
  { part: "controller", name: "afterpatch-controller" },
  { part: "cli", name: "afterpatch" },
] as const;

/**
 * CommonJS dependencies call `require` for Node's own modules, which an ES module does not have. `globalThis`, for esbuild
 * does not read this line and leaves the name `process` to functions of ours.
 */
const BANNER = `const require = globalThis.process.getBuiltinModule("node:module").createRequire(import.meta.url);`;

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

/** The same for all programs. */
const OPTIONS = {
  absWorkingDir: ROOT,
  outExtension: { ".js": ".mjs" },
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  banner: { js: BANNER },
  plugins: [withoutSome, withNamedPino, compiledSchemas(ROOT)],
  legalComments: "linked",
  minifySyntax: true,
  minifyWhitespace: true,
  metafile: true as const,
  logLevel: "warning",
} satisfies BuildOptions;

await Promise.all(PROGRAMS.map(bundle));

async function bundle({ part, name }: (typeof PROGRAMS)[number]): Promise<void> {
  const directory = join(ROOT, "packages", part);
  const main = join(directory, "src/main.ts");
  await access(main);
  const outdir = join(directory, "dist");
  await rm(outdir, { recursive: true, force: true });
  const manifest: { version: string } = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
  const options = { ...OPTIONS, outdir, define: { AFTERPATCH_VERSION: JSON.stringify(manifest.version) } };
  const outputs = part === "agent" ? await bundleAgent(ROOT, directory, options) : await bundleAll(main, name, options);
  const sizeBytes = outputs.reduce((sum, output) => sum + output.bytes, 0);
  process.stdout.write(`packages/${part}/dist/${name}.mjs: ${Math.round(sizeBytes / 1024)} KiB with its chunks\n`);
}

async function bundleAll(main: string, name: string, options: typeof OPTIONS & Pick<BuildOptions, "outdir">) {
  const { metafile } = await build({
    ...options,
    plugins: [...OPTIONS.plugins],
    entryPoints: [{ in: main, out: name }],
  });
  return Object.values(metafile.outputs);
}
