import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { BUNDLING, type Program, ROOT } from "../bundling.ts";
import { FLAGS } from "../flags.ts";
import { withoutFacades } from "../without-facades.ts";

/** A program in one file. */
export interface Bundle {
  readonly file: string;
  /** Folders of the npm packages that have code in it, from the checkout's root: `node_modules/yargs`. */
  readonly packages: readonly string[];
}

/**
 * The program as one file for Node 24 or newer, which `env -S`, env(1), starts with its options. CommonJS, for a single
 * executable takes nothing else; what a command loads when it is chosen is evaluated then.
 */
export async function bundle({ part, name }: Program, version: string, directory: string): Promise<Bundle> {
  const file = join(directory, `${name}.cjs`);
  const own = [withVersion(version), ...(part === "agent" ? [withoutFacades(ROOT)] : [])];
  const { metafile } = await build({
    ...BUNDLING,
    plugins: [...BUNDLING.plugins, ...own],
    entryPoints: [`packages/${part}/src/main.ts`],
    outfile: file,
    format: "cjs",
    // A single executable can import nothing at run time; `require` gives it Node's own modules.
    supported: { "dynamic-import": false },
    define: { AFTERPATCH_VERSION: JSON.stringify(version), "import.meta.url": "AFTERPATCH_FILE" },
    // Only of a checkout's version, which is not in it.
    logOverride: { "empty-import-meta": "silent" },
    banner: { js: beginning(name, FLAGS[part]) },
    // Of every package, whether its sources carry it or not: licences.ts.
    legalComments: "none",
  });
  const [output] = Object.values(metafile.outputs);
  const inputs = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { file, packages: packagesOf(inputs.map(([path]) => path)) };
}

/** Our manifests say this version to the programs that read it there. */
function withVersion(version: string): Plugin {
  return {
    name: "with-version",
    setup({ onLoad }) {
      onLoad({ filter: /\/packages\/[a-z]+\/package\.json$/ }, () => ({
        contents: JSON.stringify({ version }),
        loader: "json",
      }));
    },
  };
}

/** Version of the checkout's program. */
export async function versionOf(part: Program["part"]): Promise<string> {
  const manifest: { version: string } = JSON.parse(
    await readFile(join(ROOT, "packages", part, "package.json"), "utf8"),
  );
  return manifest.version;
}

function beginning(name: string, flags: readonly string[]): string {
  const words = 'Node " + process.versions.node + ": too old; install Node 24 or newer, or the single executable';
  return `#!/usr/bin/env -S node ${flags.join(" ")}
if (+process.versions.node.split(".")[0] < 24) { console.error("${name}: ${words}"); process.exit(5); }
const AFTERPATCH_FILE = require("node:url").pathToFileURL(__filename).href;`;
}

/** `node_modules/a`, `packages/cli/node_modules/@b/c` of the paths of files in them. */
export function packagesOf(paths: readonly string[]): readonly string[] {
  const folders = paths.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}
