import { expect, test } from "vitest";
import { fileVerdict } from "../detect/verdict.ts";
import { type Container, type Image, imageFile, plainName } from "./image.ts";

const [A, B, C] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string]; // three in, three out

function image(id: string, names: readonly string[], layers: string | null = id): Image {
  return { id, names, layers };
}

function container(imageName: string | null, imageId = A): Container {
  return { engine: "podman", id: C, name: "web", imageId, imageName };
}

const WEB = "localhost/web:latest";

test.each<[string, Container, readonly Image[], string | null]>([
  ["the image that its name means", container(WEB), [image(A, [WEB])], null],
  ["the tag was given to another image", container(WEB), [image(A, []), image(B, [WEB])], "replaced"],
  [
    "to one with the same files, as a build without changes",
    container(WEB),
    [image(A, [], "l"), image(B, [WEB], "l")],
    "identical",
  ],
  ["to one of which the files are not known", container(WEB), [image(A, [], null), image(B, [WEB], null)], "replaced"],
  ["the tag was taken away", container(WEB), [image(A, ["localhost/web:old"])], "removed"],
  ["another tag of the same image", container(WEB), [image(A, ["x:1", WEB])], null],
  [
    "Docker's short name for what podman writes in full",
    container("docker.io/library/web"),
    [image(A, ["web:latest"])],
    null,
  ],
  ["no image at all: a folder", container(null), [], null],
  ["made by the image's id", container(A.slice(0, 12)), [image(A, []), image(B, [WEB])], null],
  ["made by its id with the algorithm", container(`sha256:${A}`), [image(A, [])], null],
  ["made by its digest", container(`web@sha256:${B}`), [image(A, [])], null],
  ["a list of images without its own", container(WEB), [image(B, [WEB])], "unknown"],
])("%s", (_name, given, images, verdict) => {
  const file = imageFile(given, images);
  expect(file && fileVerdict(file)).toBe(verdict);
});

test("which image it runs, and which one it would run", () => {
  const file = imageFile(container(WEB), [image(A, []), image(B, [WEB])]);
  expect(file).toMatchObject({ path: WEB, image: { running: A, named: B } });
  expect(imageFile(container(WEB), [image(A, [])])?.image).toEqual({ running: A, named: null });
});

test.each([
  ["web", "web:latest"],
  ["docker.io/library/web:1", "web:1"],
  ["docker.io/shop/web", "shop/web:latest"],
  ["registry.example.net:5000/web", "registry.example.net:5000/web:latest"],
])("%s is %s", (name, plain) => expect(plainName(name)).toBe(plain));
