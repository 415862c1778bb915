import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stagePayload } from "../../e2e/payload.ts";
import { must } from "../commands.ts";
import { execOk, type Host } from "../host.ts";
import { folderOf, type Scenario } from "./scenario.ts";

/** The built agent with what the scenarios run in both versions, and a package that owns every scenario's folder. */
export async function stageMatrix(scenarios: readonly Scenario[]) {
  const payload = await stagePayload();
  try {
    for (const version of [1, 2]) await compile(join(payload.directory, "fixtures", `${version}`), version);
    await buildPackage(payload.directory, scenarios);
    return payload;
  } catch (error) {
    await payload.remove();
    throw error;
  }
}

/** Installs the package, so that peers which look for a program's package find one. */
export async function installFolders(host: Host): Promise<void> {
  await execOk(host, ["dpkg", "--install", "/opt/afterpatch/fixtures/matrix.deb"]);
}

async function compile(directory: string, version: number): Promise<void> {
  await mkdir(directory, { recursive: true });
  const gcc = ["gcc", "-O1", "-Wall", "-Werror", "-Wl,--build-id=sha1", `-DVERSION=${version}`, "-o"];
  const source = (file: string) => join(import.meta.dirname, file);
  await must([...gcc, join(directory, "program"), "-pthread", source("program.c")]);
  await must([...gcc, join(directory, "library.so"), "-shared", "-fPIC", source("library.c")]);
}

const CONTROL = `Package: matrix
Version: 1.0
Architecture: all
Maintainer: afterpatch lab <lab@example.net>
Description: what the scenarios of the detection matrix run
`;

async function buildPackage(directory: string, scenarios: readonly Scenario[]): Promise<void> {
  const tree = await mkdtemp(join(tmpdir(), "afterpatch-matrix-"));
  try {
    const script = `cd "$1"; chmod 755 .; mkdir DEBIAN; printf '%s' "$3" >DEBIAN/control
      for folder in $4; do mkdir -p "./$folder"; cp "$2/1/program" "$2/1/library.so" "./$folder"; done
      dpkg-deb --root-owner-group -Znone --build . "$2/matrix.deb"`;
    const folders = scenarios.map(({ name }) => folderOf(name)).join(" ");
    await must(["sh", "-euc", script, "sh", tree, join(directory, "fixtures"), CONTROL, folders]);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}
