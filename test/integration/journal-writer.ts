import { writeSync } from "node:fs";
import { openJournal } from "@afterpatch/agent/journal/file";

// Appends epochs for as long as it lives, and says each number once it was told that it is on the disk.
const [file = "", limit = "4194304"] = process.argv.slice(2);
const journal = await openJournal(file, { now: () => 0, limitBytes: Number(limit), starts: null });
let epoch = journal.records().reduce((last, record) => (record.type === "epoch" ? record.epoch : last), 0);
for (;;) {
  epoch += 1;
  await journal.append({ type: "epoch", epoch });
  writeSync(1, `${epoch}\n`);
}
