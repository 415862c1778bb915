import { type NextBoot, unknown } from "./next-boot.ts";
import { inGrubOrder, parseEntry } from "./entries.ts";
import type { LoaderFacts } from "./facts.ts";
import { grubMenu, type MenuItem } from "./grub-menu.ts";

type Grub = NonNullable<LoaderFacts["grub"]>;

/** What GRUB 2 starts next: `default` of its script with the environment of grubenv, through submenus. */
export function grubNext({ path, config, environment, custom }: Grub, entries: LoaderFacts["entries"]): NextBoot {
  const menu = grubMenu(config, environment === null ? null : grubEnvironment(environment), custom);
  if (menu === null) return unknown(`${path} could not be understood`);
  if (menu.sourced) return unknown(`${path} reads another file that may change the menu`);
  if (menu.chosen === null)
    return unknown(`which entry of ${path} is the default is only decided when the machine starts`);
  const items = menu.items.flatMap((item) => (item.kind === "entries" ? entriesOf(item, entries) : [item]));
  const found = follow(items, menu.chosen ?? null, 0);
  if (found === null) return unknown(`the default entry of ${path} could not be told`);
  if (found.linux === null) return unknown(`the default entry of ${path} starts no Linux kernel by itself`);
  // An entry of the Boot Loader Specification says its release itself; others name it in the image's path.
  return { kind: "entry", by: path, linux: found.linux, release: found.release ?? null, initrd: found.initrd };
}

type Item = MenuItem & { readonly release?: string | null };

function entriesOf({ maybe }: MenuItem, entries: LoaderFacts["entries"]): readonly Item[] {
  const sorted = inGrubOrder((entries?.files ?? []).map(parseEntry));
  return sorted.map(({ id, title, version, linux, initrd }) => ({
    kind: "entry",
    ...{ id, title, maybe, linux, initrd, items: [], release: version },
  }));
}

/** menu.c: an entry by its id, its title or its number, `A>B` below a submenu; the first one where there is none such. */
function follow(items: readonly Item[], chosen: string | null, depth: number): Item | null {
  if (depth > 8) return null;
  const [head, rest] = cut(chosen ?? "");
  const item = itemOf(items, head);
  if (item === null || item.maybe) return null;
  return item.kind === "submenu" ? follow(item.items, rest, depth + 1) : item;
}

function itemOf(items: readonly Item[], head: string): Item | null {
  const named =
    head === "" ? undefined : (items.find(({ id }) => id === head) ?? items.find(({ title }) => title === head));
  if (named) return named;
  // Where a name is not found GRUB takes what number it begins with, or the first; some builds differ in which.
  if (/^[0-9]/.test(head) && !/^[0-9]+$/.test(head)) return null;
  const index = /^[0-9]+$/.test(head) ? Number(head) : 0;
  const at = index < items.length ? index : 0;
  // An entry before it that may or may not be there moves it.
  return items.slice(0, at).some(({ maybe }) => maybe) ? null : (items[at] ?? null);
}

/** `A>B` at its first single `>`; `>>` stands for one in a name. */
function cut(chosen: string): readonly [string, string | null] {
  for (let at = 0; at < chosen.length; at++) {
    if (chosen[at] !== ">") continue;
    if (chosen[at + 1] === ">") at += 1;
    else return [chosen.slice(0, at).replaceAll(">>", ">"), chosen.slice(at + 1)];
  }
  return [chosen.replaceAll(">>", ">"), null];
}

/** Text of grubenv: lines `NAME=VALUE`, padded with `#` to 1024 bytes. */
export function grubEnvironment(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^([A-Za-z_][\w.]*)=(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) values.set(name, value.replace(/\\(.)/g, "$1"));
  }
  return values;
}
