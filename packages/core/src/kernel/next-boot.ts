/** What a boot loader starts next, as far as its configuration tells. */
export type NextBoot =
  | {
      readonly kind: "entry";
      /** File that says so. */
      readonly by: string;
      /** Path of the image as the loader names it. */
      readonly linux: string;
      /** From the entry's own words; null where only the image or its path can tell. */
      readonly release: string | null;
      readonly initrd: readonly string[];
    }
  | { readonly kind: "unknown"; readonly why: string };

export function unknown(why: string): NextBoot {
  return { kind: "unknown", why };
}
