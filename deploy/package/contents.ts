import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { type Program, ROOT } from "../bundling.ts";
import { manPages } from "../reference/man.ts";
import type { Item } from "./tree.ts";

const run = promisify(execFile);

/** Where families of distributions look for one and the same thing. */
export interface Places {
  readonly zshCompletions: string;
  /** Licences, ours and those of others; `NAME` is the package. */
  readonly licence: string;
}

export interface Made {
  /** The single executable. */
  readonly executable: string;
  readonly licence: string;
  readonly sbom: string;
}

/** All that the package of a program puts on a host. */
export async function contentsOf(program: Program, made: Made, places: Places): Promise<readonly Item[]> {
  const { part, name } = program;
  const doc = `/usr/share/doc/${name}`;
  const own = { agent: agentItems, controller: controllerItems, cli: () => cliItems(made.executable, places) }[part];
  return [
    { path: `/usr/bin/${name}`, mode: 0o755, content: { file: made.executable } },
    text(places.licence.replace("NAME", name), made.licence),
    packed(`${doc}/CHANGELOG.md.gz`, await sourceOf("CHANGELOG.md")),
    packed(`${doc}/sbom.cdx.json.gz`, made.sbom),
    ...(await manuals(name)),
    ...(await own()),
  ];
}

async function manuals(program: string): Promise<readonly Item[]> {
  const pages = (await manPages()).filter((page) => page.program === program);
  return pages.map(({ name, section, text }) => packed(`/usr/share/man/man${section}/${name}.${section}.gz`, text));
}

async function agentItems(): Promise<readonly Item[]> {
  const packages = "deploy/package/files";
  return [
    directory("/etc/afterpatch", 0o755),
    config("/etc/afterpatch/agent.yaml", inert(await sourceOf("deploy/agent.yaml"))),
    config("/etc/init.d/afterpatch-agent", await sourceOf(`${packages}/afterpatch-agent.init`), 0o755),
    config("/etc/logrotate.d/afterpatch-agent", await sourceOf(`${packages}/afterpatch-agent.logrotate`)),
    text("/usr/lib/systemd/system/afterpatch-agent.service", await unit("afterpatch-agent.service")),
    { ...text("/usr/lib/afterpatch/wake", await sourceOf(`${packages}/wake.sh`)), mode: 0o755 },
  ];
}

async function controllerItems(): Promise<readonly Item[]> {
  const examples = "/usr/share/doc/afterpatch-controller/examples";
  return [
    directory("/etc/afterpatch", 0o755),
    config("/etc/afterpatch/controller.yaml", inert(await sourceOf("deploy/controller.yaml"))),
    text("/usr/lib/systemd/system/afterpatch-controller.service", await unit("afterpatch-controller.service")),
    text("/usr/lib/sysusers.d/afterpatch-controller.conf", await unit("afterpatch-controller.sysusers.conf")),
    text(`${examples}/afterpatch.rules.yml`, await sourceOf("deploy/prometheus/afterpatch.rules.yml")),
    text(`${examples}/grafana-dashboard.json`, await sourceOf("deploy/grafana/afterpatch.json")),
  ];
}

async function cliItems(executable: string, { zshCompletions }: Places): Promise<readonly Item[]> {
  const script = async (shell: string) => (await run(executable, ["completion", shell])).stdout;
  return [
    text("/usr/share/bash-completion/completions/afterpatch", await script("bash")),
    text(`${zshCompletions}/_afterpatch`, await script("zsh")),
    text("/usr/share/fish/vendor_completions.d/afterpatch.fish", await script("fish")),
  ];
}

/** A file of examples in which nothing holds until somebody takes the # from the beginning of a line. */
export function inert(example: string): string {
  return example.replaceAll(/^(?=[^#\n])/gm, "#");
}

async function unit(name: string): Promise<string> {
  return await sourceOf(`deploy/systemd/${name}`);
}

async function sourceOf(path: string): Promise<string> {
  return await readFile(join(ROOT, path), "utf8");
}

function text(path: string, content: string): Item {
  return { path, mode: 0o644, content: { text: content } };
}

function config(path: string, content: string, mode = 0o644): Item {
  return { path, mode, content: { text: content }, isConfig: true };
}

function directory(path: string, mode: number): Item {
  return { path, mode, content: { directory: true } };
}

/** Its header has no time: the same content is the same file. */
export function packed(path: string, content: string): Item {
  return { path, mode: 0o644, content: { text: gzipSync(content, { level: 9 }) } };
}
