import { foldHosts, unfoldName } from "@afterpatch/core/fleet/ranges";

/** Ranges and names that are shown before the rest is counted. */
const MOST = 5;

/** Hosts in Ansible's range form; where the list would be long, how many more there are. */
export function someHosts(names: readonly string[], isWide: boolean): string {
  const terms = foldHosts(names).split(",");
  if (isWide || terms.length <= MOST + 1) return terms.join(",");
  const shown = terms.slice(0, MOST);
  const count = shown.reduce((all, term) => all + membersOf(term), 0);
  return `${shown.join(",")} and ${names.length - count} more`;
}

function membersOf(term: string): number {
  const unfolded = unfoldName(term);
  return unfolded.kind === "names" ? unfolded.names.length : 1;
}
