import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Program, ROOT } from "../bundling.ts";
import { ABOUT, MAINTAINER, OLDEST } from "./about.ts";
import { type Places, packed } from "./contents.ts";
import { isFile, type Item, writeTree } from "./tree.ts";

const run = promisify(execFile);

export const DEBIAN: Places = {
  zshCompletions: "/usr/share/zsh/vendor-completions",
  licence: "/usr/share/doc/NAME/copyright",
};

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Scripts of maintainers, files/deb/PART.SCRIPT, and triggers where a package has them. */
const SCRIPTS = ["postinst", "prerm", "postrm", "triggers"] as const;

/** A package for dpkg, deb(5), made by dpkg-deb(1); gives its path. */
export async function deb(program: Program, ours: readonly Item[], of: { version: string; madeAt: Date; out: string }) {
  const items = [
    ...ours,
    packed(`/usr/share/doc/${program.name}/changelog.gz`, changelog(program.name, of.version, of.madeAt)),
  ];
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  const file = join(of.out, `${program.name}_${of.version}_${architecture}.deb`);
  const root = await mkdtemp(join(tmpdir(), "afterpatch-deb-"));
  try {
    await writeTree(root, items, of.madeAt);
    await chmod(root, 0o755);
    const control = join(root, "DEBIAN");
    await mkdir(control, { mode: 0o755 });
    const size = await installedSize(root, items);
    await writeFile(join(control, "control"), controlOf(program, of.version, architecture, size));
    await writeFile(join(control, "md5sums"), await md5sums(root, items));
    const configs = items.filter(({ isConfig }) => isConfig).map(({ path }) => `${path}\n`);
    if (configs.length > 0) await writeFile(join(control, "conffiles"), configs.join(""));
    for (const script of SCRIPTS) await copyScript(program.part, script, control);
    const env = { ...process.env, SOURCE_DATE_EPOCH: `${of.madeAt.getTime() / 1000}` };
    await run("dpkg-deb", ["--root-owner-group", "-Zxz", "-z1", "--build", root, file], { env });
    return file;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** In the form that readers of Debian's changelogs expect, apt-listchanges above all: deb-changelog(5). */
export function changelog(name: string, version: string, madeAt: Date): string {
  const date = madeAt.toUTCString().replace("GMT", "+0000");
  return `${name} (${version}) unstable; urgency=medium

  * What is new is told in /usr/share/doc/${name}/CHANGELOG.md.gz.

 -- ${MAINTAINER}  ${date}
`;
}

function controlOf({ part, name }: Program, version: string, architecture: string, sizeKiB: number): string {
  const { summary, description } = ABOUT[part];
  const libraries = `libc6 (>= ${OLDEST.glibc}), libgcc-s1 | libgcc1, libstdc++6 (>= ${OLDEST.libstdcxx})`;
  const more = part === "controller" ? ", systemd | systemd-standalone-sysusers | adduser" : "";
  return `Package: ${name}
Version: ${version}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${sizeKiB}
Depends: ${libraries}${more}
Section: admin
Priority: optional
Description: ${summary}
 ${wrapped(description).join("\n ")}
`;
}

/** Lines of at most 78 characters. */
export function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= 78) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

async function installedSize(root: string, items: readonly Item[]): Promise<number> {
  const sizes = await Promise.all(items.map(async ({ path }) => Math.ceil((await stat(join(root, path))).size / 1024)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function md5sums(root: string, items: readonly Item[]): Promise<string> {
  const lines = items
    .filter((item) => isFile(item) && !item.isConfig)
    .map(async ({ path }) => {
      const digest = createHash("md5")
        .update(await readFile(join(root, path)))
        .digest("hex");
      return `${digest}  ${path.slice(1)}\n`;
    });
  return (await Promise.all(lines)).join("");
}

async function copyScript(part: string, script: (typeof SCRIPTS)[number], control: string): Promise<void> {
  const source = join(ROOT, "deploy/package/files/deb", `${part}.${script}`);
  const text = await readFile(source, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (text === null) return;
  await writeFile(join(control, script), text);
  await chmod(join(control, script), script === "triggers" ? 0o644 : 0o755);
}
