// `npm run build`: bundles each program with all it needs into packages/*/dist, for the Node that npm installed.
import { access, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { bundleAgent } from "./build-agent.ts";
import { BUNDLING, PROGRAMS, type Program, ROOT } from "./bundling.ts";

/**
 * CommonJS dependencies call `require` for Node's own modules, which an ES module does not have. `globalThis`, for esbuild
 * does not read this line and leaves the name `process` to functions of ours.
 */
const BANNER = `const require = globalThis.process.getBuiltinModule("node:module").createRequire(import.meta.url);`;

const OPTIONS = {
  ...BUNDLING,
  outExtension: { ".js": ".mjs" },
  chunkNames: "chunks/[name]-[hash]",
  splitting: true,
  format: "esm",
  banner: { js: BANNER },
  legalComments: "linked",
} satisfies BuildOptions;

await Promise.all(PROGRAMS.map(bundle));

async function bundle({ part, name }: Program): Promise<void> {
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
