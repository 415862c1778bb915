import { type Container, type Image, imageFile } from "@afterpatch/core/containers/image";
import { storedContainers, storedImages } from "@afterpatch/core/containers/storage";
import type { FileFacts } from "@afterpatch/core/facts";
import { isRemote, mountOf, parseMountinfo } from "@afterpatch/core/proc/mountinfo";
import { type Allowance, allowance, readBytes } from "../packages/bytes.ts";
import { readProc } from "../read.ts";
import { remote } from "../view.ts";
import type { ContainerHolder } from "./holders.ts";

const LONGEST = 64 * 1024 * 1024;

/** What the storage on disk says of one container that runs: a sentence where it says nothing. */
export type Stored = { readonly container: Container; readonly file: FileFacts | null } | string;

/**
 * Containers of root's conmons, by id. Nothing has to run for this, and nothing is started by it, as podman would be by
 * whoever opens its socket. Where the storage is, conmon was told by podman: `ROOT/DRIVER-containers/ID/userdata`.
 */
export function readStored(holders: readonly ContainerHolder[]): ReadonlyMap<string, Stored> {
  const allowed = allowance();
  const storages = new Map<string, Storage | string>();
  return new Map(
    holders.map((holder) => {
      const place = placeOf(holder);
      if (place === null) return [holder.id, "its conmon does not say where its storage is"] as const;
      const storage = storages.get(place) ?? readStorage(place, allowed);
      storages.set(place, storage);
      return [holder.id, inStorage(holder.id, place, storage)] as const;
    }),
  );
}

interface Storage {
  readonly containers: ReadonlyMap<string, Container>;
  readonly images: readonly Image[];
}

function inStorage(id: string, place: string, storage: Storage | string): Stored {
  if (typeof storage === "string") return storage;
  const container = storage.containers.get(id);
  if (container === undefined) return `${place}/containers.json does not have it`;
  return { container, file: imageFile(container, storage.images) };
}

function placeOf({ id, bundle }: ContainerHolder): string | null {
  const tail = `/${id}/userdata`;
  if (!bundle?.startsWith("/") || !bundle.endsWith(tail)) return null;
  const place = bundle.slice(0, -tail.length);
  return place.endsWith("-containers") ? place : null;
}

/** A sentence where it cannot be read. */
function readStorage(place: string, allowed: Allowance): Storage | string {
  const mount = mountOf(place, parseMountinfo(readProc("/proc/self/mountinfo")));
  if (mount && isRemote(mount.type)) return `${place} is ${remote(mount)}`;
  const images = read(`${place.slice(0, -"containers".length)}images/images.json`, storedImages, allowed);
  if (typeof images === "string") return images;
  const kept = read(`${place}/containers.json`, storedContainers, allowed);
  if (typeof kept === "string") return kept;
  // Absent before containers/storage 1.45, and as long as there are no such containers.
  const passing = read(`${place}/volatile-containers.json`, storedContainers, allowed, []);
  if (typeof passing === "string") return passing;
  return { containers: new Map([...kept, ...passing].map((container) => [container.id, container])), images };
}

function read<T>(
  file: string,
  parse: (text: string) => readonly T[] | null,
  allowed: Allowance,
  missing?: readonly T[],
): readonly T[] | string {
  const found = readBytes(file, LONGEST, allowed);
  if (found.kind === "missing") return missing ?? `${file} is not there`;
  if (found.kind === "unreadable") return `${file}: ${found.why}`;
  // The folder is root's, too: whoever may write there decides what engines run.
  if (found.stat.uid !== 0n) return `${file} is not root's`;
  return parse(found.bytes.toString("utf8")) ?? `${file} is not understood`;
}
