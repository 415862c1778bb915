import { expect, test } from "vitest";
import { inspectedContainer, inspectedLayers, listedContainers, listedImages } from "./engine-api.ts";

// Answers by the reference of Docker's API 1.43, shortened.
const [ID, A] = ["1".repeat(64), "a".repeat(64)] as const;
const listed = { Id: ID, Names: ["/web"], Image: "web", ImageID: `sha256:${A}`, State: "running" };

test.each<[string, unknown, unknown]>([
  ["one whose image still has its name", [listed], [{ imageName: "web", imageId: A, name: "web", isNameKnown: true }]],
  ["one whose image has lost it", [{ ...listed, Image: `sha256:${A}` }], [{ isNameKnown: false }]],
  ["the same, shortened", [{ ...listed, Image: A.slice(0, 12) }], [{ isNameKnown: false }]],
  ["one without a name", [{ ...listed, Names: [] }], [{ name: ID.slice(0, 12) }]],
  ["none", [], []],
])("containers: %s", (_name, rows, expected) =>
  expect(listedContainers("docker", JSON.stringify(rows))).toMatchObject(expected as object),
);

test("images have the names of their tags, and none is none", () => {
  const rows = [
    { Id: `sha256:${A}`, RepoTags: ["web:latest"] },
    { Id: `sha256:${A}`, RepoTags: ["<none>:<none>"] },
    { Id: `sha256:${A}`, RepoTags: null },
  ];
  expect(listedImages(JSON.stringify(rows))?.map(({ names }) => names)).toEqual([["web:latest"], [], []]);
});

test.each<[string, unknown, unknown]>([
  ["a container", { State: { Pid: 7 }, Config: { Image: "web:1" } }, { pid: 7, imageName: "web:1" }],
  ["one that ended", { State: { Pid: 0 }, Config: { Image: "web:1" } }, { pid: 0, imageName: "web:1" }],
  ["no number", { State: { Pid: "7" }, Config: { Image: "web:1" } }, null],
  ["an error", { message: "no such container" }, null],
])("inspected: %s", (_name, answer, expected) => expect(inspectedContainer(JSON.stringify(answer))).toEqual(expected));

test("layers are known or not", () => {
  expect(inspectedLayers('{"RootFS":{"Type":"layers","Layers":["sha256:1","sha256:2"]}}')).toBe("sha256:1 sha256:2");
  for (const text of ["{}", "", '{"RootFS":{"Layers":[]}}']) expect(inspectedLayers(text)).toBeNull();
});

test.each(["", "{}", "[{}]", '{"message":"page not found"}'])("what is no answer: %j", (text) => {
  expect(listedContainers("docker", text)).toBeNull();
  expect(listedImages(text)).toBeNull();
});
