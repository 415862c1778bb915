/** What a cgroup path says about the process in it. */
export type CgroupOwner =
  | { readonly kind: "init" }
  | { readonly kind: "unit"; readonly unit: string }
  /** A unit of a user's own manager; `unit` is null for the manager itself. */
  | { readonly kind: "user-unit"; readonly manager: string; readonly unit: string | null }
  | { readonly kind: "session"; readonly scope: string }
  | { readonly kind: "container"; readonly name: string };

/**
 * Path in the hierarchy that systemd uses, from the text of /proc/PID/cgroup: the v1 hierarchy `name=systemd` where it
 * is mounted (v1 and hybrid), else v2. Null when the process is outside of the reader's cgroup namespace.
 */
export function cgroupPath(text: string): string | null {
  let unified: string | null = null;
  let named: string | null = null;
  for (const line of text.split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (first < 0 || second < 0) continue;
    const controllers = line.slice(first + 1, second);
    if (controllers === "name=systemd") named = line.slice(second + 1);
    else if (controllers === "" && line.startsWith("0:")) unified = line.slice(second + 1);
  }
  const path = named ?? unified;
  return path === null || !path.startsWith("/") || path.startsWith("/..") ? null : path;
}

/** Path of a process within systemd's own tree, from the texts of its /proc/PID/cgroup and of PID 1's. */
export function ownPath(cgroup: string | null, initCgroup: string | null): string | null {
  const root = initCgroup === null ? "" : cgroupRoot(cgroupPath(initCgroup));
  return cgroup === null ? null : relativeCgroup(cgroupPath(cgroup), root);
}

/** Where systemd's own tree begins, from the path of PID 1: empty but in a container without a cgroup namespace. */
export function cgroupRoot(pathOfInit: string | null): string {
  if (pathOfInit === null) return "";
  const root = pathOfInit.replace(/\/init\.scope$/, "");
  return root === "/" ? "" : root;
}

/** `path` as seen from `root`, unchanged when it lies elsewhere. */
export function relativeCgroup(path: string | null, root: string): string | null {
  if (path === null || root === "") return path;
  if (path === root) return "/";
  return path.startsWith(`${root}/`) ? path.slice(root.length) : path;
}

const UNIT = /\.(?:service|scope|socket|mount|swap)$/;

/**
 * Anchored at the root: leading slices are dropped and the first other component is the unit. Deeper components are
 * delegated sub-groups, whose names anybody may choose; the last `.service` of a path proves nothing.
 * Only for processes in the reader's own PID namespace.
 */
export function cgroupOwner(path: string): CgroupOwner | null {
  const container = containerName(path);
  if (container !== null) return { kind: "container", name: container };
  const [unit, ...below] = withoutSlices(path.split("/").filter(Boolean));
  if (unit === undefined || !UNIT.test(unit)) return null;
  if (unit === "init.scope") return { kind: "init" };
  if (/^session-[A-Za-z0-9]+\.scope$/.test(unit)) return { kind: "session", scope: unit };
  if (!/^user@[0-9]+\.service$/.test(unit)) return { kind: "unit", unit };
  const [inner] = withoutSlices(below);
  const isUnit = inner !== undefined && inner !== "init.scope" && UNIT.test(inner);
  return { kind: "user-unit", manager: unit, unit: isUnit ? inner : null };
}

function withoutSlices(components: readonly string[]): readonly string[] {
  // One leading `_` is systemd's escape for names that the kernel would claim (systemd's cg_escape).
  const names = components.map((name) => (name.startsWith("_") ? name.slice(1) : name));
  const first = names.findIndex((name) => !name.endsWith(".slice"));
  return first < 0 ? [] : names.slice(first);
}

/** Marks of engines, with how each calls its containers; the innermost container of a pod before the pod. */
const CONTAINERS: readonly (readonly [kind: string, RegExp])[] = [
  ["docker", /\/docker[/-]([0-9a-f]{64})(?:\.scope)?(?:\/|$)/],
  ["podman", /\/libpod-([0-9a-f]{64})(?:\.scope)?(?:\/|$)/],
  ["containerd", /\/cri-containerd[-:]([0-9a-f]{64})(?:\.scope)?(?:\/|$)/],
  ["cri-o", /\/crio-([0-9a-f]{64})(?:\.scope)?(?:\/|$)/],
  ["kubernetes", /\/kubepods\/(?:[^/]+\/)*pod[0-9a-f-]{36}\/([0-9a-f]{64})(?:\/|$)/],
  ["kubernetes", /\/kubepods(?:\.slice)?\/.*?pod([0-9a-f][0-9a-f_-]{35})/],
  ["lxc", /\/lxc\.payload\.([\w.-]+)/],
  ["lxc", /\/lxc\/([A-Za-z0-9][\w.-]*)/],
  ["nspawn", /\/machine\.slice\/systemd-nspawn@([^/]+)\.service\/payload/],
  ["nspawn", /\/machine\.slice\/machine-([^/]+)\.scope\/payload/],
];

// The kernel prints no longer path (proc_cgroup_show), and some of the patterns above go over one more than once.
const LONGEST_PATH = 4096;

/** `KIND:NAME` of the container whose cgroup this is, the name as its engine takes it. */
export function containerName(path: string): string | null {
  const looked = path.slice(0, LONGEST_PATH);
  for (const [kind, pattern] of CONTAINERS) {
    const name = pattern.exec(looked)?.[1];
    if (name !== undefined) return `${kind}:${/^[0-9a-f]{64}$/.test(name) ? name.slice(0, 12) : unescaped(name)}`;
  }
  return null;
}

/** Undoes systemd's escape of unit names, as far as it stands for visible ASCII: `web\\x2d1` is web-1. */
function unescaped(name: string): string {
  return name.replace(/\\x([2-7][0-9a-f])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
