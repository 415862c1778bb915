import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { type Program, ROOT } from "../bundling.ts";
import { ABOUT, MAINTAINER } from "./about.ts";
import type { Places } from "./contents.ts";
import { wrapped } from "./deb.ts";
import { isFile, type Item, writeTree } from "./tree.ts";

const run = promisify(execFile);

export const RPM: Places = {
  zshCompletions: "/usr/share/zsh/site-functions",
  licence: "/usr/share/licenses/NAME/LICENSE",
};

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/**
 * A package for rpm, made by rpmbuild(8), which finds out itself which libraries the program needs; gives its path. The
 * program is not stripped, and nothing is compressed or byte-compiled after us.
 */
export async function rpm(
  program: Program,
  items: readonly Item[],
  of: { version: string; madeAt: Date; out: string },
) {
  const work = await mkdtemp(join(tmpdir(), "afterpatch-rpm-"));
  try {
    const tree = join(work, "tree");
    await mkdir(tree);
    await writeTree(tree, items, of.madeAt);
    const spec = join(work, `${program.name}.spec`);
    await writeFile(spec, await specOf(program, of.version, items));
    const architecture = ARCHITECTURES[process.arch] ?? process.arch;
    const defined = Object.entries({
      _topdir: work,
      tree,
      _buildhost: "localhost",
      use_source_date_epoch_as_buildtime: "1",
      clamp_mtime_to_source_date_epoch: "1",
      _binary_payload: "w1.xzdio",
      _build_id_links: "none",
      __os_install_post: "%{nil}",
      debug_package: "%{nil}",
      // Debian's rpm keeps its databases in the home directory of who asks.
      _dbpath: join(work, "db"),
    }).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
    const env = { ...process.env, SOURCE_DATE_EPOCH: `${of.madeAt.getTime() / 1000}` };
    await run("rpmbuild", ["-bb", "--quiet", "--target", architecture, ...defined, spec], { env });
    const built = join(work, "RPMS", architecture);
    const [name] = await readdir(built);
    if (name === undefined) throw new Error(`rpmbuild made nothing in ${built}`);
    const file = join(of.out, basename(name));
    await rename(join(built, name), file).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EXDEV") throw error;
      await run("cp", [join(built, name), file]);
    });
    return file;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function specOf({ part, name }: Program, version: string, items: readonly Item[]): Promise<string> {
  const { summary, description } = ABOUT[part];
  return `Name: ${name}
Version: ${version}
Release: 1
Summary: ${summary}
License: Apache-2.0
Packager: ${MAINTAINER}
%description
${wrapped(description).join("\n")}

%install
cp -a %{tree}/. %{buildroot}/

${await scripts(part)}
%files
%defattr(-, root, root, -)
${[...ownDirectories(items).map((path) => `%dir %attr(755, root, root) ${path}`), ...items.map(lineOf)].join("\n")}
`;
}

/** Directories that are there for this package alone: dpkg removes what is empty, rpm what a package names. */
function ownDirectories(items: readonly Item[]): readonly string[] {
  const named = items.filter((item) => !isFile(item)).map(({ path }) => path);
  const above = items.flatMap(({ path }) => {
    const [, place] = /^(.*?\/afterpatch[^/]*\/)[^/]*/.exec(path) ?? [];
    if (place === undefined) return [];
    const inside = path.slice(place.length).split("/").slice(0, -1);
    return [place.slice(0, -1), ...inside.map((_, index) => `${place}${inside.slice(0, index + 1).join("/")}`)];
  });
  return [...new Set(above)].filter((path) => !named.includes(path)).sort();
}

function lineOf(item: Item): string {
  const mode = item.mode.toString(8);
  const what = isFile(item) ? (item.isConfig ? "%config(noreplace) " : "") : "%dir ";
  return `%attr(${mode}, root, root) ${what}${item.path}`;
}

/** The scriptlets, and the triggers where a package has them: files/rpm/PART.*. */
async function scripts(part: string): Promise<string> {
  const directory = join(ROOT, "deploy/package/files/rpm");
  const own = (await readdir(directory)).filter((name) => name.startsWith(`${part}.`)).sort();
  const texts = await Promise.all(own.map((name) => readFile(join(directory, name), "utf8")));
  return texts.map(withoutNotes).join("\n");
}

/** rpm reads lines of # outside of scriptlets as its own, with the macros in them. */
function withoutNotes(text: string): string {
  return text.replace(/^(?:#.*\n|\n)+/, "");
}
