import { chmod, copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A program as `npm run build` made it: the arguments that start it with this Node. */
export function built(part: "agent" | "controller" | "cli", program: string): readonly string[] {
  return [process.execPath, join(ROOT, "packages", part, "dist", `${program}.mjs`)];
}

export interface Payload {
  /** Appears inside hosts, read only, as /opt/afterpatch. */
  readonly directory: string;
  remove(): Promise<void>;
}

/** Node, the built agent and controller and their unit files, as packages would bring them to a host. */
export async function stagePayload(): Promise<Payload> {
  const directory = await mkdtemp(join(tmpdir(), "afterpatch-payload-"));
  await copyFile(process.execPath, join(directory, "node"));
  for (const part of ["agent", "controller"]) {
    await cp(join(ROOT, "packages", part, "dist"), join(directory, part), { recursive: true });
  }
  await cp(join(ROOT, "deploy/systemd"), join(directory, "systemd"), { recursive: true });
  await mkdir(join(directory, "bin"));
  for (const part of ["agent", "controller"]) {
    const launcher = join(directory, `bin/afterpatch-${part}`);
    const program = `/opt/afterpatch/${part}/afterpatch-${part}.mjs`;
    await writeFile(
      launcher,
      `#!/bin/sh\nexec /opt/afterpatch/node --disallow-code-generation-from-strings --disable-proto=throw --unhandled-rejections=strict ${program} "$@"\n`,
    );
    await chmod(launcher, 0o755);
  }
  for (const path of [join(directory, "node"), directory]) await chmod(path, 0o755);
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
