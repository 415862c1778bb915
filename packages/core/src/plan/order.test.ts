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
  [
    "the agent is last by the name of its init script",
    [
      ["restart-service", "afterpatch-agent"],
      ["restart-service", "cron"],
    ],
    ["cron", "afterpatch-agent"],
  ],
])("%s", (_name, steps, expected) => {
  const order = inOrder(steps, ([kind, target, ...takesAlong]) => ({ kind, target, takesAlong, after: null }));
  expect(order.map(([, target]) => target)).toEqual(expected);
});

test("sessions that a service would make anew come after its restart, all others before", () => {
  const steps = [
    { kind: "end-session", target: "echo", takesAlong: [], after: "xinetd.service" },
    { kind: "end-session", target: "imap", takesAlong: [], after: null },
    { kind: "end-session", target: "other", takesAlong: [], after: "not-planned.service" },
    { kind: "restart-service", target: "xinetd.service", takesAlong: [], after: null },
    { kind: "restart-service", target: "zebra.service", takesAlong: [], after: null },
  ] as const;
  const order = inOrder(steps, (step) => step);
  expect(order.map(({ target }) => target)).toEqual(["imap", "other", "xinetd.service", "echo", "zebra.service"]);
});
