import { expect, test } from "vitest";
import { storedContainers, storedImages } from "./storage.ts";

// As podman 4.3.1 wrote them, shortened.
const ID = "86d02fdc7ce62f597996b1c31aae1cec8d9895817cd394124343e92309942d8d";
const IMAGE = "da09e01f0c79a563e3f8cd475e8bb21a96c4f0c7207bd3628edbd58bbfe10932";
const metadata = JSON.stringify({
  "image-name": "localhost/web:latest",
  "image-id": IMAGE,
  name: "web",
  "created-at": 1,
});
const container = { id: ID, names: ["web"], image: IMAGE, layer: "c3", metadata, created: "2026-11-23T09:39:17Z" };
const image = { id: IMAGE, digest: "sha256:16", "names-history": ["localhost/web:latest"], layer: "ae" };

test.each<[string, unknown, unknown]>([
  [
    "a container of an image",
    [container],
    [{ engine: "podman", id: ID, name: "web", imageId: IMAGE, imageName: "localhost/web:latest" }],
  ],
  [
    "one of a folder",
    [{ ...container, image: "", metadata: '{"name":"web"}' }],
    [{ engine: "podman", id: ID, name: "web", imageId: "", imageName: null }],
  ],
  [
    "one without metadata",
    [{ ...container, metadata: "" }],
    [{ engine: "podman", id: ID, name: "web", imageId: IMAGE, imageName: null }],
  ],
  ["none", [], []],
  ["no list", { id: ID }, null],
  ["a row without an id", [container, {}], null],
])("containers: %s", (_name, rows, expected) => expect(storedContainers(JSON.stringify(rows))).toEqual(expected));

test.each<[string, unknown, unknown]>([
  ["one that has lost its tag", [image], [{ id: IMAGE, names: [], layers: "ae" }]],
  ["one with a tag", [{ ...image, names: ["a:1"] }], [{ id: IMAGE, names: ["a:1"], layers: "ae" }]],
  ["an id that is none", [{ ...image, id: "../../etc" }], null],
])("images: %s", (_name, rows, expected) => expect(storedImages(JSON.stringify(rows))).toEqual(expected));

test.each(["", "null", "[null]", "[1]", `[{"id":"${ID}"`, "\u0000"])("cut or foreign text is no list: %j", (text) => {
  expect(storedImages(text)).toBeNull();
  expect(storedContainers(text)).toBeNull();
});
