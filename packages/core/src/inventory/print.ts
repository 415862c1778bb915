import type { Inventory } from "./tree.ts";

/** As `ansible-inventory --list`, without variables. */
export function listing({ groups }: Inventory): object {
  const entries = [...groups.values()].map(({ name, hosts, children }): [string, object] => [
    name,
    {
      ...(children.size > 0 && { children: [...children] }),
      ...(name !== "all" && hosts.size > 0 && { hosts: [...hosts] }),
    },
  ]);
  const filled = entries.filter(([, group]) => Object.keys(group).length > 0);
  return { _meta: { hostvars: {} }, ...Object.fromEntries(filled) };
}

/** Longer than anybody reads: groups that share their children double with each level. */
const MOST_LINES = 100_000;

/** As `ansible-inventory --graph`: children before hosts, both sorted. A group is drawn under each of its parents. */
export function graph(inventory: Inventory): readonly string[] {
  const lines: string[] = [];
  const draw = (name: string, depth: number) => {
    if (lines.length >= MOST_LINES) return;
    const group = inventory.groups.get(name);
    lines.push(drawn(`@${name}:`, depth));
    for (const child of [...(group?.children ?? [])].sort()) draw(child, depth + 1);
    if (name !== "all") for (const host of [...(group?.hosts ?? [])].sort()) lines.push(drawn(host, depth + 1));
  };
  draw("all", 0);
  if (lines.length >= MOST_LINES) return [...lines.slice(0, MOST_LINES), `... more than ${MOST_LINES} lines`];
  return lines;
}

function drawn(name: string, depth: number): string {
  return depth === 0 ? name : `${"  |".repeat(depth)}--${name}`;
}
