import type { Content, FileFacts } from "../facts.ts";

// A container goes on running the image that it was made of, whatever its name has come to mean since. What is told here
// is local: what the engine of this host calls by that name now. Registries are not asked.

/** One image that an engine has on this host. */
export interface Image {
  /** Hex, without `sha256:`. */
  readonly id: string;
  /** Every name with its tag, as the engine writes it; none once its tag was given to another image. */
  readonly names: readonly string[];
  /** Equal texts stand for the same files in the image; null where that was not read. */
  readonly layers: string | null;
}

/** One container that an engine knows. */
export interface Container {
  /** What its engine is called in `owner.name`: `docker`, `podman`. */
  readonly engine: string;
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /** Of the image that it was made of; hex, without `sha256:`. */
  readonly imageId: string;
  /** As whoever made it typed it or the engine completed it; null where it was made of none. */
  readonly imageName: string | null;
}

/**
 * The image of a container as a file that differs from what its name means now; null when it is the same, and where it
 * was made by the image's id or digest, which never mean another one.
 */
export function imageFile({ imageId, imageName }: Container, images: readonly Image[]): FileFacts | null {
  if (imageName === null || isPinned(imageName, imageId)) return null;
  const wanted = plainName(imageName);
  const named = images.find(({ names }) => names.some((name) => plainName(name) === wanted));
  if (named?.id === imageId) return null;
  const running = images.find(({ id }) => id === imageId);
  const image = { running: imageId, named: named?.id ?? null };
  // Engines keep the image of a container that exists: without it their list was not read in one piece.
  if (running === undefined) return { path: imageName, image, ...unknown(`the engine does not list image ${imageId}`) };
  if (named === undefined) return { path: imageName, image, mapped: NOTHING, onDisk: { kind: "missing" } };
  const isSame = running.layers !== null && running.layers === named.layers;
  return { path: imageName, image, mapped: content(imageId), onDisk: content(isSame ? imageId : named.id) };
}

const NOTHING: Content = { kind: "unreadable", why: "nothing to compare with" };

function content(hex: string): Content {
  return { kind: "sha256", hex };
}

function unknown(why: string): Pick<FileFacts, "mapped" | "onDisk"> {
  return { mapped: { kind: "unreadable", why }, onDisk: { kind: "unreadable", why } };
}

/** `NAME@sha256:...`, or the id itself, whole or its beginning. */
function isPinned(name: string, imageId: string): boolean {
  const hex = name.replace(/^sha256:/, "");
  return name.includes("@") || (/^[0-9a-f]{4,64}$/.test(hex) && imageId.startsWith(hex));
}

/** Docker leaves out what podman writes: the registry docker.io, and `latest`. */
export function plainName(name: string): string {
  const short = name.replace(/^(?:index\.)?docker\.io\/(?:library\/)?/, "");
  return /:[^/]*$/.test(short) ? short : `${short}:latest`;
}

/** The hex digits of `sha256:HEX` or HEX; null when it is neither. */
export function imageHex(text: unknown): string | null {
  return typeof text === "string" ? (/^(?:sha256:)?([0-9a-f]{64})$/.exec(text)?.[1] ?? null) : null;
}
