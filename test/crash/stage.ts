import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { must } from "../lab/commands.ts";

/** Inside of hosts. */
export const FOLDER = "/opt/afterpatch/crash";

/** The built agent with strace and its libraries, and what the crash test runs on hosts. */
export async function stageCrash(): Promise<Payload> {
  const payload = await stagePayload();
  try {
    const folder = join(payload.directory, "crash");
    await mkdir(folder);
    await copyStrace(folder);
    for (const version of [1, 2]) {
      const gcc = ["gcc", "-O1", "-Wall", "-Werror", "-static", "-Wl,--build-id=sha1", `-DVERSION="${version}"`];
      await must([...gcc, "-o", join(folder, `server-${version}`), join(import.meta.dirname, "server.c")]);
    }
    await build({
      entryPoints: ["client", "permits"].map((name) => join(import.meta.dirname, `${name}.ts`)),
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node24",
      banner: { js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);` },
    });
    return payload;
  } catch (error) {
    await payload.remove();
    throw error;
  }
}

/** Hosts have no strace; those libraries of it that libc brings are theirs. */
async function copyStrace(folder: string): Promise<void> {
  const strace = "/usr/bin/strace";
  const libraries = [...(await must(["ldd", strace])).matchAll(/=> (\/\S*\/(lib(?!c\.)[^/\s]*))/g)];
  for (const path of [strace, ...libraries.map(([, library = ""]) => library)]) {
    await copyFile(path, join(folder, path.slice(path.lastIndexOf("/") + 1)));
  }
}
