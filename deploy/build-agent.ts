import { basename, join, relative } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { withoutFacades } from "./without-facades.ts";

/**
 * What `packages/agent/src/main.ts` loads as its arguments say, and the parser of the agent's file, which is loaded only
 * where there is such a file. Each is bundled for itself: what two of them need is in both. An error is therefore caught in
 * the bundle that threw it, or by the class that this one exports.
 */
const APART = ["only-scan", "only-daemon", "any-command", "config/parse"] as const;

/**
 * Of the daemon, in files of their own: V8 parses a file in one piece, and what malloc(3) got for that it does not give
 * back.
 */
const LARGE = ["packages/wire/generated/afterpatch.js", "node_modules/@grpc/grpc-js/build/src/index.js"] as const;

export type AgentOptions = BuildOptions & { readonly plugins: Plugin[]; readonly metafile: true };

/**
 * The agent as a small main file, and beside it in chunks/ a plain scan in one file, the daemon without what its scans and
 * the command line need, and all else.
 */
export async function bundleAgent(root: string, directory: string, options: AgentOptions) {
  const sources = join(directory, "src");
  const plugins = [...options.plugins, withoutFacades(root)];
  const apart = (folder: string) => [...plugins, leftApart(sources, folder)];
  const { banner: _banner, ...alone } = { ...options, splitting: false };
  const entry = (name: string) => ({ in: join(sources, `${name}.ts`), out: `chunks/${name}` });
  const large = LARGE.map((one) => ({ in: join(root, one), out: `chunks/large/${basename(one, ".js")}` }));
  const [main, scan, ...others] = await Promise.all([
    build({
      ...alone,
      plugins: apart("./chunks/"),
      entryPoints: [{ in: join(sources, "main.ts"), out: "afterpatch-agent" }],
    }),
    build({ ...alone, plugins: apart("./"), entryPoints: [entry("only-scan")] }),
    build({ ...options, plugins: apart("./"), entryPoints: [entry("only-daemon"), ...large] }),
    build({ ...options, plugins, entryPoints: [entry("any-command"), entry("config/parse")] }),
  ]);
  for (const { metafile } of [main, scan]) {
    const foreign = Object.keys(metafile.inputs).find((path) => path.includes("node_modules/"));
    if (foreign) throw new Error(`packages/agent: a plain scan would load ${foreign}; import it where it is used`);
    const needed = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(isAtOnce))[0];
    if (needed) throw new Error(`packages/agent: a plain scan would load ${needed.path}, too`);
  }
  return [main, scan, ...others].flatMap(({ metafile }) => Object.values(metafile.outputs));
}

/** `folder`: where the chunks are, from the file that is built. */
function leftApart(sources: string, folder: string): Plugin {
  return {
    name: "apart",
    setup({ onResolve }) {
      onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, kind, resolveDir }) => {
        if (kind !== "dynamic-import") return undefined;
        const name = relative(sources, join(resolveDir, path)).replace(/\.ts$/, "");
        return APART.some((one) => one === name) ? { path: `${folder}${name}.mjs`, external: true } : undefined;
      });
    },
  };
}

function isAtOnce({ kind }: { readonly kind: string }): boolean {
  return kind === "import-statement";
}
