import { type Container, type Image, imageHex } from "./image.ts";
import { each, object, objectIn, textOrNull, texts } from "./json.ts";

// Answers of the API that Docker defines (docs.docker.com/reference/api/engine) and podman serves, too:
// GET /containers/json, /images/json?all=1, /containers/ID/json and /images/ID/json.

/** A running container as it is listed. */
export interface Listed extends Container {
  /** The list has the image's id in the place of its name once that name means another image: ask about the container. */
  readonly isNameKnown: boolean;
}

/** Null when the text is no such list, whole and in every row. */
export function listedContainers(engine: string, text: string): readonly Listed[] | null {
  return each(text, (entry) => {
    const [id, imageId, image] = [imageHex(entry.Id), imageHex(entry.ImageID), textOrNull(entry.Image)];
    if (id === null || imageId === null || image === null) return null;
    const name = texts(entry.Names)[0]?.replace(/^\//, "") ?? id.slice(0, 12);
    const isNameKnown = !imageId.startsWith(image.replace(/^sha256:/, ""));
    return { engine, id, name, imageId, imageName: image, isNameKnown };
  });
}

export function listedImages(text: string): readonly Image[] | null {
  return each(text, (entry) => {
    const id = imageHex(entry.Id);
    return id === null
      ? null
      : { id, names: texts(entry.RepoTags).filter((name) => !name.includes("<none>")), layers: null };
  });
}

/** What is asked about one container: its main process as the host counts it, and the name of its image as it was typed. */
export function inspectedContainer(text: string): { readonly pid: number; readonly imageName: string | null } | null {
  const container = objectIn(text);
  const [pid, config] = [object(container?.State)?.Pid, object(container?.Config)];
  if (config === null || !Number.isSafeInteger(pid) || Number(pid) < 0) return null;
  return { pid: Number(pid), imageName: textOrNull(config.Image) };
}

/** The layers of an image, as `Image.layers`; null when the answer does not tell. */
export function inspectedLayers(text: string): string | null {
  const layers = texts(object(objectIn(text)?.RootFS)?.Layers);
  return layers.length === 0 ? null : layers.join(" ");
}
