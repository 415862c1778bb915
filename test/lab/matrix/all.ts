import { containers } from "./containers.ts";
import { errata } from "./errata.ts";
import { files } from "./files.ts";
import { interpreters } from "./interpreters.ts";
import { managers } from "./managers.ts";
import { memory } from "./memory.ts";
import { names } from "./names.ts";
import { places } from "./places.ts";
import type { Scenario } from "./scenario.ts";
import { sessions } from "./sessions.ts";

export const scenarios: readonly Scenario[] = [
  ...files,
  ...names,
  ...places,
  ...containers,
  ...memory,
  ...interpreters,
  ...managers,
  ...sessions,
  ...errata,
];
