// `npm run build`: bundles each program with all it needs into packages/*/dist, for the Node that npm installed.
import { access, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { withoutFacades } from "./without-facades.ts";

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
  plugins: [withoutSome, withNamedPino],
  legalComments: "linked",
  minifySyntax: true,
  minifyWhitespace: true,
  metafile: true as const,
  logLevel: "warning",
} satisfies BuildOptions;

/**
 * What a plain scan does not need, or only where the agent has a file of its own: chunks, which share what they have in
 * common. The errors of that file are one of them, so that both sides know them by the same class.
 */
const APART = ["any-command", "config/parse", "config/error"] as const;

await Promise.all(PROGRAMS.map(bundle));

async function bundle({ part, name }: (typeof PROGRAMS)[number]): Promise<void> {
  const directory = join(ROOT, "packages", part);
  const main = join(directory, "src/main.ts");
  await access(main);
  const outdir = join(directory, "dist");
  await rm(outdir, { recursive: true, force: true });
  const manifest: { version: string } = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
  const options = { ...OPTIONS, outdir, define: { AFTERPATCH_VERSION: JSON.stringify(manifest.version) } };
  const outputs = part === "agent" ? await bundleAgent(directory, main, options) : await bundleAll(main, name, options);
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

/** A plain scan is in one file: each more costs as much as the scan of ten processes. All else is in chunks beside it. */
async function bundleAgent(directory: string, main: string, options: typeof OPTIONS & Pick<BuildOptions, "outdir">) {
  const plugins = [...OPTIONS.plugins, withoutFacades(ROOT)];
  const sources = join(directory, "src");
  const apart: Plugin = {
    name: "apart",
    setup({ onResolve }) {
      onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir }) => {
        const chunk = APART.find((one) => join(resolveDir, path) === join(sources, `${one}.ts`));
        return chunk && { path: `./chunks/${chunk}.mjs`, external: true };
      });
    },
  };
  const { banner: _banner, ...alone } = { ...options, splitting: false, plugins: [...plugins, apart] };
  const [scan, others] = await Promise.all([
    build({ ...alone, entryPoints: [{ in: main, out: "afterpatch-agent" }] }),
    build({
      ...options,
      plugins,
      entryPoints: APART.map((one) => ({ in: join(sources, `${one}.ts`), out: `chunks/${one}` })),
    }),
  ]);
  const foreign = Object.keys(scan.metafile.inputs).find((path) => path.includes("node_modules/"));
  if (foreign)
    throw new Error(
      `packages/agent/src/main.ts: a plain scan would load ${foreign}; import it where it is used, and name that file in APART`,
    );
  return [...Object.values(scan.metafile.outputs), ...Object.values(others.metafile.outputs)];
}
