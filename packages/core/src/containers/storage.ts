import { type Container, type Image, imageHex } from "./image.ts";
import { each, objectIn, textOrNull, texts } from "./json.ts";

// The storage of podman and CRI-O on disk (github.com/containers/storage): DRIVER-images/images.json and
// DRIVER-containers/containers.json below its root, and volatile-containers.json beside the latter for containers that
// are not to outlive a crash. Each is renamed into its place whole.

/** The images of images.json; null when the text is no such list, whole and in every row. */
export function storedImages(text: string): readonly Image[] | null {
  return each(text, (entry) => {
    const id = imageHex(entry.id);
    // One top layer means one root file system: layers hold what they lie on by their id.
    return id === null ? null : { id, names: texts(entry.names), layers: textOrNull(entry.layer) };
  });
}

/** The containers of containers.json, running or not; null as for images. */
export function storedContainers(text: string): readonly Container[] | null {
  return each(text, (entry) => {
    const id = imageHex(entry.id);
    if (id === null) return null;
    const told = objectIn(textOrNull(entry.metadata) ?? "{}") ?? {};
    const name = textOrNull(told.name) ?? texts(entry.names)[0] ?? id.slice(0, 12);
    const imageId = imageHex(entry.image) ?? imageHex(told["image-id"]);
    // Of a folder (--rootfs) there is no image.
    const imageName = imageId === null ? null : textOrNull(told["image-name"]);
    return { engine: "podman", id, name, imageId: imageId ?? "", imageName };
  });
}
