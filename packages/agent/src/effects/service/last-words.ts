import { redact, visible } from "@afterpatch/core/text";
import { run } from "../run.ts";
import { placeOfService } from "./unit.ts";

const MOST_LINES = 20;
const LONGEST_LINE = 400;
const TIMEOUT_MS = 20_000;

/** The last lines that a unit and its manager logged since `sinceAt` (epoch milliseconds), fit to be shown. */
export async function lastWords(name: string, sinceAt: number): Promise<readonly string[]> {
  const { user, unit } = placeOfService(name);
  const since = [`--since=@${(sinceAt / 1000).toFixed(3)}`, `--lines=${MOST_LINES}`];
  const args = ["--quiet", "--no-pager", "--boot", "--output=cat", "--all", ...since];
  // What root says of the unit as well: PID 1, and its child that could not execute the program, see journalctl(1), --unit.
  const whose =
    user === null
      ? [`_SYSTEMD_UNIT=${unit}`, "+", "_UID=0", `UNIT=${unit}`, "+", "_UID=0", `COREDUMP_UNIT=${unit}`]
      : [`_UID=${user.uid}`, `_SYSTEMD_USER_UNIT=${unit}`, "+", `_UID=${user.uid}`, `USER_UNIT=${unit}`];
  // A host without a journal has nothing to say.
  const { stdout } = await run("journalctl", [...args, ...whose], TIMEOUT_MS);
  return shownLines(stdout);
}

/** The last lines of a log, without what looks like a secret, every character visible. */
export function shownLines(text: string): readonly string[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(-MOST_LINES).map((line) => {
    const shown = visible(redact(line.slice(0, 4 * LONGEST_LINE).split(" ")));
    return shown.length > LONGEST_LINE ? `${shown.slice(0, LONGEST_LINE).toWellFormed()}...` : shown;
  });
}
