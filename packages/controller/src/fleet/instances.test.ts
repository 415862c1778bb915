import { expect, test } from "vitest";
import { Instances } from "./instances.ts";

test("one that starts anew, again and again, is never a twin; one that comes back is", () => {
  const instances = new Instances();
  const told = ["a", "a", "b", "b", "c", "c", "d"].map((id) => instances.isBack("web01", id));
  expect(told).toEqual(Array(7).fill(false));
  expect(instances.isBack("web02", "a")).toBe(false); // of another host
  expect(instances.isBack("web01", "b")).toBe(true);
  expect(instances.isBack("web01", "b")).toBe(true); // and stays so
  expect(instances.isBack("web01", "d")).toBe(false); // the other one of the two has been there last
  instances.forget("web01");
  expect(["b", "d", "b"].map((id) => instances.isBack("web01", id))).toEqual([false, false, true]);
});

test("an older agent does not say who it is; after one that does, saying nothing is another one", () => {
  const instances = new Instances();
  const told = ["", "", "a", "a", "", ""].map((id) => instances.isBack("web01", id));
  expect(told).toEqual(Array(6).fill(false));
  expect(instances.isBack("web01", "a")).toBe(true);
});

test("somebody who comes under ever new names does not make the first one forgotten", () => {
  const instances = new Instances();
  for (const id of ["real", ...Array.from({ length: 1_000 }, (_, index) => `t${index}`)]) instances.isBack("web01", id);
  expect(instances.isBack("web01", "real")).toBe(true);
});
