import { expect, test } from "vitest";
import { badLabel, isHostName, parseLabel } from "./labels.ts";

test.each([
  ["role=web", { kind: "label", key: "role", value: "web" }],
  ["app.tier_1-x=a/b+c@d.e-f_g", { kind: "label", key: "app.tier_1-x", value: "a/b+c@d.e-f_g" }],
])("%s is a label", (text, label) => expect(parseLabel(text)).toEqual(label));

test.each(["role", "=web", "Role=web", "1role=web", "role=", "role=a b", "role=a:b", "role=*", "role=a=b", "role=é"])(
  "%s is no label",
  (text) => expect(parseLabel(text).kind).toBe("bad"),
);

test("what is wrong names the key", () => {
  expect(badLabel("zone", "")).toContain("'zone'");
  expect(badLabel("zone", "a")).toBeNull();
});

test.each([
  ["web01", true],
  ["web01.example.net", true],
  ["a", true],
  ["", false],
  ["all", false],
  ["-web", false],
  ["web-", false],
  ["web 01", false],
  ["web[01]", false],
  ["web\u001b[31m", false],
  ["x".repeat(254), false],
] as const)("host name %j: %s", (name, expected) => expect(isHostName(name)).toBe(expected));
