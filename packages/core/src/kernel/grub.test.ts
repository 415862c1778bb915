import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { grubEnvironment, grubNext } from "./grub.ts";

// Written by grub-mkconfig 2.06 and grub-editenv of Debian 12 for two real kernels, with GRUB_DEFAULT=saved.
const root = new URL("../../../../test/cases/debian-12-kernel-pinned/root/boot/grub/", import.meta.url);
const CONFIG = readFileSync(new URL("grub.cfg", root), "utf8");
const ENVIRONMENT = readFileSync(new URL("grubenv", root), "utf8");
const NEWEST = "/boot/vmlinuz-6.1.0-56-cloud-amd64";
const OLDER = "/boot/vmlinuz-6.1.0-55-cloud-amd64";
const SUBMENU = "gnulinux-advanced-/dev/vda";
const OLDER_ID = "gnulinux-6.1.0-55-cloud-amd64-advanced-/dev/vda";

function next(config: string, environment: string | null = null, custom = false) {
  const found = grubNext({ path: "grub.cfg", config, environment, custom }, null);
  return found.kind === "entry" ? found.linux : `unknown: ${found.why}`;
}

/** As with this GRUB_DEFAULT: grub-mkconfig writes it into that one place. */
function withDefault(value: string): string {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: GRUB's variable
  return CONFIG.replace('set default="${saved_entry}"', `set default="${value}"`);
}

test.each([
  ["saved, and an entry of the submenu is saved", CONFIG, ENVIRONMENT, OLDER],
  ["saved, and nothing is", CONFIG, null, NEWEST],
  ["saved, and the environment is empty", CONFIG, "# GRUB Environment Block\n####", NEWEST],
  ["the first entry", withDefault("0"), null, NEWEST],
  ["by numbers", withDefault("1>2"), null, OLDER],
  ["by numbers, spaced ids in the submenu", withDefault(`1>${OLDER_ID}`), null, OLDER],
  ["by ids", withDefault(`${SUBMENU}>${OLDER_ID}`), null, OLDER],
  [
    "by titles",
    withDefault("Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.1.0-55-cloud-amd64"),
    null,
    OLDER,
  ],
  ["a submenu alone starts its first", withDefault("1"), null, NEWEST],
  ["a number past the end starts the first", withDefault("7"), null, NEWEST],
  ["a name that is gone starts the first", withDefault("gnulinux-6.1.0-40-amd64"), null, NEWEST],
  ["once, and then as before", withDefault("0"), "next_entry=1>2\n", OLDER],
  ["back from a start that was only once", CONFIG, `saved_entry=0\nprev_saved_entry=1>2\n`, NEWEST],
])("GRUB_DEFAULT: %s", (_name, config, environment, expected) => expect(next(config, environment)).toBe(expected));

test("what is only known when the machine starts is not guessed", () => {
  expect(next(withDefault("0"), null, true)).toMatch(/^unknown: .* reads another file/);
  expect(next("if hashsum x; then set default=1; fi\nmenuentry a { linux /a }\nmenuentry b { linux /b }")).toMatch(
    /^unknown/,
  );
  const shifted =
    "set default=1\nif [ $grub_platform = efi ]; then menuentry f { fwsetup; }; fi\nmenuentry a { linux /a }";
  expect(next(shifted)).toMatch(/^unknown/);
  expect(next('set default="6.1 kernel"\nmenuentry a { linux /a }')).toMatch(/^unknown/);
});

test.each([
  ["an entry that starts something else", "menuentry w { chainloader +1 }"],
  ["blocks that do not match", "menuentry a { linux /a } }"],
  ["a quote that does not end", "menuentry 'a { linux /a }"],
  ["nothing", ""],
])("%s is unknown", (_name, config) => expect(next(config)).toMatch(/^unknown/));

test.each([
  ["a disk in front of the path", "menuentry a {\nlinux ($root)/boot/vmlinuz-1 ro\n}", "/boot/vmlinuz-1"],
  ["a disk by name", "menuentry a {\nlinux (hd0,gpt2)/vmlinuz-1 ro\n}", "/vmlinuz-1"],
  ["EFI's own command", "menuentry a {\nlinuxefi /vmlinuz-1 ro\n}", "/vmlinuz-1"],
  [
    "Xen",
    "menuentry x {\nmultiboot2 /xen-4.17.gz placeholder\nmodule2 --nounzip /vmlinuz-1 placeholder\n}",
    "/vmlinuz-1",
  ],
  ["a quote in a title", "menuentry 'it'\\''s' { linux /a; }", "/a"],
  ["a branch that is not taken", "if false; then menuentry b { linux /b; }; fi; menuentry a { linux /a; }", "/a"],
])("%s", (_name, config, expected) => expect(next(config)).toBe(expected));

test("grubenv: escapes, and its padding", () => {
  const values = grubEnvironment("# GRUB Environment Block\nsaved_entry=a\\\\b\nempty=\n######");
  expect([...values]).toEqual([
    ["saved_entry", "a\\b"],
    ["empty", ""],
  ]);
});
