import { EVENTS } from "@afterpatch/core/fleet/events";
import { code, page, table } from "./markdown.ts";

/** Every type of the fleet's events. What is told of each is Markdown. */
export function eventsPage(): string {
  return page("Events of the fleet", "`packages/core/src/fleet/events.ts`", [
    "[events.md](../events.md) explains how they are read; webhooks ([controller-file.md](../controller-file.md)) are told of them too.",
    "",
    ...table(
      ["type", "what happened"],
      Object.entries(EVENTS).map(([type, what]) => [code(type), what]),
    ),
  ]);
}
