import { expect, test } from "vitest";
import { inOrder } from "./order.ts";

type Given = readonly [kind: "end-session" | "restart-service" | "reexec", target: string, ...along: string[]];

test.each<[string, readonly Given[], readonly string[]]>([
  [
    "smallest first, then by name",
    [
      ["reexec", "init"],
      ["restart-service", "b.service"],
      ["end-session", "imap"],
      ["restart-service", "a.service"],
    ],
    ["imap", "a.service", "b.service", "init"],
  ],
  [
    "what takes others along comes before them",
    [
      ["restart-service", "a.service"],
      ["restart-service", "db.service", "a.service", "b.service"],
      ["restart-service", "b.service", "a.service"],
      ["restart-service", "c.service"],
    ],
    ["c.service", "db.service", "b.service", "a.service"],
  ],
  [
    "two that take each other along stay as they are, and so does the rest",
    [
      ["restart-service", "b.service", "a.service"],
      ["restart-service", "a.service", "b.service"],
      ["reexec", "init"],
    ],
    ["a.service", "b.service", "init"],
  ],
  [
    "three in a circle all come",
    [
      ["restart-service", "c.service", "a.service"],
      ["restart-service", "a.service", "b.service"],
      ["restart-service", "b.service", "c.service"],
    ],
    ["a.service", "b.service", "c.service"],
  ],
  [
    "the agent is last, after PID 1",
    [
      ["restart-service", "afterpatch-agent.service"],
      ["reexec", "init"],
      ["restart-service", "ssh.service"],
    ],
    ["ssh.service", "init", "afterpatch-agent.service"],
  ],
])("%s", (_name, steps, expected) => {
  const order = inOrder(steps, ([kind, target, ...takesAlong]) => ({ kind, target, takesAlong }));
  expect(order.map(([, target]) => target)).toEqual(expected);
});
