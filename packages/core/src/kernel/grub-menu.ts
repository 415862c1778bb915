import { and, holds, type Known, not, or } from "./grub-condition.ts";
import { type Command, commandsOf, plain, type Word } from "./grub-words.ts";

/** What GRUB would show, as far as its script can be followed without running it. */
export interface GrubMenu {
  /** Value of `default` at the end; undefined when it is not set, null when that cannot be told. */
  readonly chosen: string | null | undefined;
  readonly items: readonly MenuItem[];
  /** Another file that is not read here adds to it or changes it. */
  readonly sourced: boolean;
}

export interface MenuItem {
  readonly kind: "entry" | "submenu" | "entries"; // `entries`: those of the Boot Loader Specification are put here
  readonly title: string;
  readonly id: string;
  /** Whether it is there depends on what is only known when the machine starts. */
  readonly maybe: boolean;
  /** Path of the kernel's image as the script says it; null without one, or when it depends. */
  readonly linux: string | null;
  readonly initrd: readonly string[];
  readonly items: readonly MenuItem[];
}

interface Building {
  kind: MenuItem["kind"];
  title: string;
  id: string;
  maybe: boolean;
  linux: string | null;
  isXen: boolean;
  initrd: string[];
  items: Building[];
}

interface Frame {
  readonly kind: "if" | "loop" | "block";
  /** Whether what surrounds it is run. */
  readonly outer: Known;
  /** A branch before this one was taken. */
  taken: Known;
  condition: Known;
  readonly item: Building | null;
}

/** Environment that is only known when the machine starts. */
const AT_BOOT = new Set([
  "?",
  "grub_platform",
  "grub_cpu",
  "prefix",
  "root",
  "cmdpath",
  "config_directory",
  "config_file",
]);
const MOST_FRAMES = 100;

/** Follows grub.cfg. `environment`: of grubenv, null without one. Null when the script makes no sense. */
export function grubMenu(
  config: string,
  environment: ReadonlyMap<string, string> | null,
  custom: boolean,
): GrubMenu | null {
  const commands = commandsOf(config);
  if (commands === null) return null;
  const reader = new Reader(environment, custom);
  for (const command of commands) if (!reader.read(command)) return null;
  return reader.menu();
}

class Reader {
  #live: Known = true;
  #sourced = false;
  readonly #values = new Map<string, string | null>();
  readonly #frames: Frame[] = [];
  readonly #top: Building[] = [];
  readonly #environment: ReadonlyMap<string, string> | null;
  readonly #files: ReadonlyMap<string, boolean>;

  constructor(environment: ReadonlyMap<string, string> | null, custom: boolean) {
    this.#environment = environment;
    this.#files = new Map([
      ["grubenv", environment !== null],
      ["custom.cfg", custom],
    ]);
  }

  menu(): GrubMenu {
    const chosen = this.#values.has("default") ? (this.#values.get("default") ?? null) : undefined;
    return { chosen, items: this.#top, sourced: this.#sourced };
  }

  /** False when blocks do not match, or nest too deep. */
  read(command: Command): boolean {
    const name = plain(command[0]);
    const frame = this.#frames.at(-1);
    switch (name) {
      case "if":
        return this.#push({ kind: "if", outer: this.#live, taken: false, condition: null, item: null }, this.#live);
      case "then":
      case "elif":
      case "else":
      case "fi":
        return frame?.kind === "if" && this.#branch(frame, name);
      case "for":
      case "while":
      case "until":
        return this.#push(open("loop", this.#live), and(this.#live, null));
      case "done":
        return this.#pop("loop");
      case "function":
        return this.#push(open("block", this.#live), false);
      case "menuentry":
      case "submenu":
        return this.#item(name, command);
      case "{":
        return this.#push(open("block", this.#live), this.#live);
      case "}":
        return this.#pop("block");
      default:
        this.#run(name ?? "", command);
    }
    if (frame) frame.condition = holds(command, (word) => this.#expand(word), this.#files);
    return true;
  }

  #push(frame: Frame, live: Known): boolean {
    this.#frames.push(frame);
    this.#live = live;
    return this.#frames.length <= MOST_FRAMES;
  }

  #pop(kind: Frame["kind"]): boolean {
    const frame = this.#frames.pop();
    this.#live = frame?.outer ?? null;
    return frame?.kind === kind;
  }

  #branch(frame: Frame, word: "then" | "elif" | "else" | "fi"): boolean {
    if (word === "fi") return this.#pop("if");
    if (word === "then") {
      this.#live = and(frame.outer, and(not(frame.taken), frame.condition));
      frame.taken = or(frame.taken, frame.condition);
    } else this.#live = and(frame.outer, not(frame.taken));
    return true;
  }

  #item(kind: "submenu" | "menuentry", command: Command): boolean {
    const { title, id } = this.#nameOf(command.slice(1));
    const item: Building = {
      kind: kind === "submenu" ? "submenu" : "entry",
      ...{ title, id, maybe: this.#live === null, linux: null, isXen: false, initrd: [], items: [] },
    };
    if (this.#live !== false) this.#items().push(item);
    if (plain(command.at(-1)) !== "{") return false;
    return this.#push({ ...open("block", this.#live), item }, this.#live);
  }

  /** Where the next entry is put. */
  #items(): Building[] {
    return this.#frames.findLast(({ item }) => item?.kind === "submenu")?.item?.items ?? this.#top;
  }

  #nameOf(words: readonly Word[]): { readonly title: string; readonly id: string } {
    let title: string | null = null;
    let id: string | null = null;
    for (let at = 0; at < words.length; at++) {
      const [piece] = words[at] ?? [];
      const isId = piece !== undefined && "variable" in piece && piece.variable === "menuentry_id_option";
      const option = isId ? "--id" : plain(words[at]);
      if (option === "{") break;
      if (option === "--id") id = this.#expand(words[++at] ?? []);
      else if (option !== null && WITH_VALUE.has(option)) at += 1;
      else if (option?.startsWith("--")) continue;
      else title ??= this.#expand(words[at] ?? []) ?? "";
    }
    return { title: title ?? "", id: id ?? title ?? "" };
  }

  #run(name: string, command: Command): void {
    if (this.#live === false) return;
    const assigned = /^([A-Za-z_]\w*)=/.exec(name === "set" ? firstText(command[1]) : firstText(command[0]));
    const word = name === "set" ? command[1] : command[0];
    if (assigned?.[1] !== undefined && word)
      this.#assign(assigned[1], this.#expand(word)?.slice(assigned[0].length) ?? null);
    else if (name === "unset") this.#assign(plain(command[1]) ?? "", "");
    else if (name === "load_env") for (const [key, value] of this.#environment ?? []) this.#assign(key, value);
    else if (name === "source" || name === "." || name === "configfile" || name === "legacy_configfile")
      this.#sourced ||= this.#entry() === null;
    else if (name === "blscfg") this.#items().push({ ...ENTRIES, maybe: this.#live === null });
    else this.#load(name, command.slice(1));
  }

  #assign(name: string, value: string | null): void {
    this.#values.set(name, this.#live === true ? value : null);
  }

  #entry(): Building | null {
    const item = this.#frames.findLast((frame) => frame.item !== null)?.item;
    return item?.kind === "entry" ? item : null;
  }

  /** The command that loads the kernel, or its initial RAM disks, of the entry around it. */
  #load(name: string, words: readonly Word[]): void {
    const entry = this.#entry();
    if (entry === null) return;
    if (/^multiboot2?$/.test(name)) entry.isXen = true;
    const isKernel = /^linux(?:16|efi)?$/.test(name) || (entry.isXen && /^module2?$/.test(name));
    const paths = words.map((word) => this.#path(word)).filter((path) => path !== null && !path.startsWith("--"));
    if (isKernel && entry.linux === null && this.#live === true) entry.linux = paths[0] ?? null;
    else if (isKernel && entry.linux === null) entry.maybe = true;
    else if (/^initrd(?:16|efi)?$/.test(name)) for (const path of paths) if (path !== null) entry.initrd.push(path);
  }

  /** `(${root})/vmlinuz` without what names the disk. */
  #path(word: Word): string | null {
    const known = word.map((piece) => ("text" in piece ? piece.text : (this.#value(piece.variable) ?? "\0"))).join("");
    const path = known.replace(/^(?:\([^)]*\)|\0)+/, "");
    return path === "" || path.includes("\0") ? null : path;
  }

  #value(name: string): string | null {
    if (this.#values.has(name)) return this.#values.get(name) ?? null;
    if (name.startsWith("feature_")) return "y";
    return AT_BOOT.has(name) ? null : "";
  }

  #expand(word: Word): string | null {
    const parts = word.map((piece) => ("text" in piece ? piece.text : this.#value(piece.variable)));
    return parts.includes(null) ? null : parts.join("");
  }
}

const WITH_VALUE = new Set(["--class", "--users", "--hotkey", "--source"]);
const ENTRIES: Building = {
  kind: "entries",
  ...{ title: "", id: "", maybe: false, linux: null, isXen: false, initrd: [], items: [] },
};

function open(kind: Frame["kind"], outer: Known): Frame {
  return { kind, outer, taken: false, condition: null, item: null };
}

function firstText(word: Word | undefined): string {
  const piece = word?.[0];
  return piece && "text" in piece ? piece.text : "";
}
