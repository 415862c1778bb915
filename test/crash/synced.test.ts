import { expect, test } from "vitest";
import { SyncedLength } from "./synced.ts";

const FILE = "/s/apply.jsonl";

test.each<[string, readonly string[], number]>([
  ["nothing", [], 100],
  ["a write that was not synced", [`7  write(22<${FILE}>, ""..., 50) = 50`], 100],
  ["a write and its sync", [`7 write(22<${FILE}>, ""..., 50) = 50`, `7 fdatasync(22<${FILE}>) = 0`], 150],
  [
    "a sync that failed",
    [`7 write(22<${FILE}>, "", 5) = 5`, `7 fdatasync(22<${FILE}>) = -1 EIO (Input/output error) (INJECTED)`],
    100,
  ],
  ["a sync of another file", [`7 write(22<${FILE}>, "", 5) = 5`, "7 fdatasync(23</s/run.lock>) = 0"], 100],
  [
    "a sync that another thread's line lies in",
    [
      `7 write(22<${FILE}>, "", 5 <unfinished ...>`,
      `8 write(1</dev/null>, "", 900) = 900`,
      "7 <... write resumed>) = 5",
      `7 fdatasync(22<${FILE}> <unfinished ...>`,
      "7 <... fdatasync resumed>) = 0 (DELAYED)",
    ],
    105,
  ],
  [
    "a new file in its place",
    [
      `7 write(23<${FILE}.new>, "", 40) = 40`,
      `7 fsync(23<${FILE}.new>) = 0`,
      `7 rename("${FILE}.new", "${FILE}") = 0`,
      `7 write(23<${FILE}>, "", 2) = 2`,
    ],
    40,
  ],
  [
    "a new file that did not come in its place",
    [`7 write(23<${FILE}.new>, "", 40) = 40`, `7 fsync(23<${FILE}.new>) = 0`],
    100,
  ],
])("%s", (_name, lines, bytes) => {
  const synced = new SyncedLength(FILE, 100);
  for (const line of lines) synced.hear(line);
  expect(synced.bytes).toBe(bytes);
});
