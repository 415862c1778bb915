import { type BigIntStats, lstatSync } from "node:fs";
import { isRemote, type Mount, mountOf, parseMountinfo } from "@afterpatch/core/proc/mountinfo";
import { codeOf, explain, isGone, pathOf, readLink, readProc } from "./read.ts";

/** A tree of files as the processes of one place see it. Paths are byte strings. */
export interface View {
  /** In front of a path of the namespace to reach it from here: empty, or `/proc/PID/root`. */
  readonly prefix: string;
  /** Beginning of printed paths that `prefix` already leads to. */
  readonly above: string;
  /** Root of the processes, as a path below `prefix`: empty, or `/jail`. */
  readonly root: string;
  readonly mounts: readonly Mount[];
  /** Folders without symbolic links, by folder as asked. */
  readonly folders: Map<string, Found>;
}

/** What a path names now. */
export type Found =
  | { readonly kind: "found"; readonly path: string; readonly stat: BigIntStats }
  | { readonly kind: "missing" }
  | { readonly kind: "unreadable"; readonly why: string };

export function viewOf(at: Pick<View, "prefix" | "above" | "root">, mountinfo: string): View {
  return { ...at, mounts: parseMountinfo(readProc(mountinfo)), folders: new Map() };
}

/**
 * What a path that maps printed names now, links followed as the processes there would follow them, and without ever
 * touching a network, FUSE or autofs mount: each component is checked against the mounts before it is looked at.
 */
export function find(printed: string, view: View): Found {
  if (!printed.startsWith(`${view.above}/`)) return { kind: "unreadable", why: "outside of the root of its process" };
  return resolve(printed.slice(view.above.length), view, 0);
}

function resolve(path: string, view: View, links: number): Found {
  if (links > 40) return { kind: "unreadable", why: explain("ELOOP") };
  const slash = path.lastIndexOf("/");
  const parent = slash <= 0 ? null : folder(path.slice(0, slash), view, links);
  if (parent !== null && parent.kind !== "found") return parent;
  return look(`${parent?.path ?? ""}/${path.slice(slash + 1)}`, view, links);
}

function folder(path: string, view: View, links: number): Found {
  const known = view.folders.get(path);
  if (known) return known;
  const found = resolve(path, view, links);
  if (links === 0) view.folders.set(path, found);
  return found;
}

/** `path` has no links but perhaps in its last component. */
function look(path: string, view: View, links: number): Found {
  const mount = mountOf(path, view.mounts);
  if (mount && isRemote(mount.type)) return { kind: "unreadable", why: remote(mount) };
  try {
    const bytes = pathOf(view.prefix + path);
    const stat = lstatSync(bytes, { bigint: true });
    if (!stat.isSymbolicLink()) return { kind: "found", path, stat };
    const target = readLink(view.prefix + path);
    // Taking `NAME/..` away is wrong where NAME is a link itself.
    if (/[^/.][^/]*\/+\.\.(?:\/|$)/.test(target)) return { kind: "unreadable", why: "a link with .. inside it" };
    // An absolute link starts again at the root of the processes, not at ours.
    const root = path.startsWith(`${view.root}/`) ? view.root : "";
    return resolve(normal(target.startsWith("/") ? root + target : `${path}/../${target}`), view, links + 1);
  } catch (error) {
    const code = codeOf(error);
    return isGone(code) || code === "ENOTDIR" ? { kind: "missing" } : { kind: "unreadable", why: explain(code) };
  }
}

export function remote(mount: Mount): string {
  return `on a file system of type ${mount.type}, which is never touched`;
}

/** Without `.`, `..` and empty components. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
