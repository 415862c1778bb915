import { foldHosts } from "@afterpatch/core/fleet/ranges";
import type { CordonsDocument, FreezeDocument, HoldDocument } from "../documents/holds.ts";
import type { Paint } from "../shell.ts";
import { counted } from "./table.ts";
import { instant } from "./time.ts";

/** `by alice: disk swap, until 2026-12-01T08:00:00Z` */
export function holdText({ actor, reason, until }: HoldDocument): string {
  return `by ${actor}: ${reason}${until === null ? "" : `, until ${instant(until)}`}`;
}

/** What a cordon, or the end of one, has changed. */
export function renderCordons({ hosts }: CordonsDocument, paint: Paint): string {
  const named = (some: CordonsDocument["hosts"]) => foldHosts(some.map(({ name }) => name));
  const cordoned = hosts.filter(({ cordon }) => cordon !== null);
  const freed = hosts.filter(({ cordon, before }) => cordon === null && before !== null);
  const neither = hosts.filter(({ cordon, before }) => cordon === null && before === null);
  const [first] = cordoned.flatMap(({ cordon }) => cordon ?? []);
  const lines = [
    ...(first ? [`${paint("yellow", "Cordoned")} ${named(cordoned)} ${holdText(first)}`] : []),
    ...freed.map(({ name, before }) => `Uncordoned ${name}${before ? `, cordoned ${holdText(before)}` : ""}`),
    ...(neither.length > 0 ? [`Not cordoned: ${named(neither)}`] : []),
    ...cordoned.flatMap(({ name, inHandOf }) =>
      inHandOf === null ? [] : [`${name} is in hand of rollout ${inHandOf}, and finishes there first`],
    ),
  ];
  return `${lines.join("\n")}\n`;
}

/** Whether the fleet is frozen, and what that means just now. */
export function renderFreeze({ freeze, before, openRollouts, inHand }: FreezeDocument, paint: Paint): string {
  const lines: string[] = [];
  if (freeze === null) lines.push(before === null ? "Not frozen" : `Thawed; it was frozen ${holdText(before)}`);
  else lines.push(`${paint("yellow", "Frozen")} since ${instant(freeze.since)} ${holdText(freeze)}`);
  if (freeze !== null && before !== null) lines.push(`In place of the freeze ${holdText(before)}`);
  const open = openRollouts.length === 0 ? "No rollout is open" : `Open: ${counted(openRollouts.length, "rollout")}`;
  if (freeze !== null || openRollouts.length > 0) lines.push(`${open}${openRollouts.map((id) => ` ${id}`).join(",")}`);
  if (freeze !== null && inHand.length > 0) lines.push(`In hand, and finishing: ${foldHosts(inHand)}`);
  return `${lines.join("\n")}\n`;
}
