import { kernelsOf } from "./expected.ts";
import type { KernelFacts } from "./facts.ts";

/** What the boot loader reads when this machine is started next. */
export type BootFiles =
  | { readonly kind: "files"; readonly by: string; readonly files: readonly BootFile[] }
  /** Nothing here starts this machine's kernel: it is a container. */
  | { readonly kind: "none" }
  | { readonly kind: "unknown"; readonly why: string };

export interface BootFile {
  readonly what: "kernel image" | "initramfs";
  /** As the loader's entry names it. */
  readonly named: string;
  /** Where that may be here: the partition that the loader reads may be mounted anywhere. The first that exists counts. */
  readonly places: readonly string[];
}

/** Kernel image and initramfs of the entry that is started next, an initramfs only where the entry names one. */
export function bootFilesOf(facts: KernelFacts, running: string): BootFiles {
  if (facts.container !== null) return { kind: "none" };
  const { next } = kernelsOf(facts, running);
  if (next.kind === "unknown") return next;
  const file = (what: BootFile["what"]) => (named: string) => ({ what, named, places: placesOf(named) });
  return {
    kind: "files",
    by: next.by,
    files: [file("kernel image")(next.linux), ...next.initrd.map(file("initramfs"))],
  };
}

const FOLDERS = ["/boot", "/efi", "/boot/efi"] as const;

function placesOf(named: string): readonly string[] {
  // `/@/boot/initrd.img-...` where the loader sees the top of a btrfs volume.
  const inBoot = named.indexOf("/boot/");
  const below = inBoot > 0 ? [named.slice(inBoot)] : [];
  return [...new Set([named, ...FOLDERS.map((folder) => folder + named), ...below])];
}
