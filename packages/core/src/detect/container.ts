import type { ProcessFacts } from "../facts.ts";
import { containerName } from "../systemd/cgroup.ts";
import { type HostIndex, lineage } from "./host.ts";

/** The container that a program of this host holds as long as it runs, by the program's own arguments; null: it is none. */
export function heldContainer(process: ProcessFacts, host: HostIndex): string | null {
  const name = process.pidNamespace === host.facts.pidNamespace ? heldBy(process) : null;
  return name === null ? null : byName(name, host);
}

/** `KIND:NAME` for `KIND:ID` where the engine told the name. */
export function byName(name: string, { facts }: HostIndex): string {
  const [, kind, id] = /^([a-z-]+):([0-9a-f]{12})$/.exec(name) ?? [];
  const told = id === undefined ? undefined : facts.containers?.find((container) => container.id.startsWith(id));
  return told ? `${kind}:${told.name}` : name;
}

/**
 * What a person calls the container of a process in another PID namespace: by the marks of its engine in the cgroup,
 * else by the program on this side that holds the container, else by the process that is the container's init.
 */
export function containerOf(process: ProcessFacts, path: string | null, host: HostIndex): string {
  const marked = path === null ? null : containerName(path);
  if (marked !== null) return byName(marked, host);
  const line = lineage(process, host);
  const at = line.findIndex(({ pidNamespace }) => pidNamespace === host.facts.pidNamespace);
  const outside = at < 0 ? undefined : line[at];
  const name = outside ? heldBy(outside) : null;
  if (name !== null) return byName(name, host);
  const init = at > 0 ? line[at - 1] : undefined;
  return init ? `pid ${init.pid} (${init.executable})` : (process.pidNamespace ?? process.executable);
}

/** Name of the container that a process of this host runs, by its own arguments: it is nobody's in the container. */
function heldBy({ executable, argv }: ProcessFacts): string | null {
  const program = executable.slice(executable.lastIndexOf("/") + 1);
  if (program === "systemd-nspawn") return named("nspawn", option(argv, ["-M", "--machine"]) ?? folderName(argv));
  if (program === "conmon") return named("podman", option(argv, ["-n", "--name"]) ?? option(argv, ["-c", "--cid"]));
  if (program.startsWith("containerd-shim")) {
    const engine = option(argv, ["-namespace", "--namespace"]) === "moby" ? "docker" : "containerd";
    return named(engine, option(argv, ["-id", "--id"]));
  }
  // lxc-start calls itself `[lxc monitor] /var/lib/lxc NAME`.
  const [, monitored] = /^\[lxc monitor\] \S+ ([\w.-]+)/.exec(argv.join(" ")) ?? [];
  if (monitored !== undefined) return named("lxc", monitored);
  return program === "lxc-start" ? named("lxc", option(argv, ["-n", "--name"])) : null;
}

function named(kind: string, name: string | undefined): string | null {
  if (name === undefined || name === "") return null;
  return `${kind}:${/^[0-9a-f]{64}$/.test(name) ? name.slice(0, 12) : name}`;
}

/** Value of `-n NAME`, `--name NAME` or `--name=NAME`. */
function option(argv: readonly string[], names: readonly string[]): string | undefined {
  for (const [index, word] of argv.entries()) {
    if (names.includes(word)) return argv[index + 1];
    const equals = word.indexOf("=");
    if (equals > 0 && names.includes(word.slice(0, equals))) return word.slice(equals + 1);
  }
  return undefined;
}

/** `systemd-nspawn --directory=/var/lib/machines/NAME` calls the machine NAME. */
function folderName(argv: readonly string[]): string | undefined {
  return option(argv, ["-D", "--directory"])?.replace(/\/+$/, "").split("/").at(-1);
}
