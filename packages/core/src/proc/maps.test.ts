import fc from "fast-check";
import { expect, test } from "vitest";
import { executableMappings, readingsOf } from "./maps.ts";

const LIBSSL = "7f1000000000-7f1000020000 r-xp 00001000 fe:00 42                         /usr/lib/libssl.so.3";

test.each([
  ["an executable mapping of a library", LIBSSL, ["/usr/lib/libssl.so.3"]],
  ["its data only", LIBSSL.replace("r-xp", "rw-p"), []],
  ["a shared executable mapping", LIBSSL.replace("r-xp", "r-xs"), ["/usr/lib/libssl.so.3"]],
  ["the suffix is kept", `${LIBSSL} (deleted)`, ["/usr/lib/libssl.so.3 (deleted)"]],
  ["blanks in the name", LIBSSL.replace("libssl.so.3", "a  b c "), ["/usr/lib/a  b c "]],
  ["the letters of a mode in a name", `${LIBSSL.replace("r-xp", "r--p")} r-xp 0 x`, []],
  ["an inode of 10 digits", LIBSSL.replace(" 42 ", " 4294967296 "), ["/usr/lib/libssl.so.3"]],
  ["the vdso", "7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                          [vdso]", []],
  ["anonymous code", "7f1000000000-7f1000020000 rwxp 00000000 00:00 0 ", []],
  ["a JIT's memfd", "7f10-7f20 r-xp 00000000 00:01 7                          /memfd:jit (deleted)", []],
  ["shared anonymous memory", "7f10-7f20 rwxp 00000000 00:01 7       /dev/zero (deleted)", []],
  ["a JNA stub", "7f10-7f20 r-xp 00000000 fe:00 7       /home/a/.cache/JNA/temp/jna123.tmp (deleted)", []],
  ["a file that never had a name", "7f10-7f20 r-xp 00000000 fe:00 1234       /var/lib/x/#1234 (deleted)", []],
  [
    "a removed file that is really called so",
    "7f10-7f20 r-xp 00000000 fe:00 7       /var/lib/x/#1234 (deleted)",
    ["/var/lib/x/#1234 (deleted)"],
  ],
  ["System V shared memory", "7f10-7f20 rwxs 00000000 00:01 7       /SYSV00000000 (deleted)", []],
  [
    "the last line without a newline",
    `${LIBSSL}\n${LIBSSL.replace("libssl", "libc")}`,
    ["/usr/lib/libssl.so.3", "/usr/lib/libc.so.3"],
  ],
  ["a cut line", "7f1000000000-7f1000020000 r-xp 0000", []],
  ["nothing", "", []],
])("%s", (_name, maps, expected) => expect(executableMappings(maps).map(({ path }) => path)).toEqual(expected));

test("the range is the name of an entry of map_files: without leading zeros", () => {
  const [mapping] = executableMappings("00400000-0045b000 r-xp 00000000 fe:00 9       /usr/bin/x");
  expect(mapping).toMatchObject({ range: "400000-45b000", device: "fe:00", inode: "9", offset: 0, isTemporary: false });
});

test.each([
  ["/tmp/jffi123.so", true],
  ["/run/user/1000/x", true],
  ["/tmpfiles/x", false],
  ["/opt/tmp/x", false],
])("%s: temporary is %s", (path, isTemporary) => {
  const [mapping] = executableMappings(LIBSSL.replace("/usr/lib/libssl.so.3", path));
  expect(mapping).toMatchObject({ path, offset: 4096, isTemporary });
});

test("any text is read without an error, and every mapping found is a line of it", () => {
  const line = fc.oneof(
    fc.string(),
    fc.string().map((name) => LIBSSL + name),
    fc.string().map((name) => `7f10-7f20 r-xp 0 fe:00 1 ${name}`),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const text = lines.join("\n");
      for (const { tail, path } of executableMappings(text)) {
        expect(text).toContain(tail);
        expect(tail.endsWith(path)).toBe(true);
      }
    }),
  );
});

test("a file that is known already is not built again", () => {
  const asked: string[] = [];
  const isKnown = (tail: string) => asked.push(tail) > 0;
  expect(executableMappings(LIBSSL, isKnown)).toEqual([]);
  expect(asked).toEqual(["fe:00 42                         /usr/lib/libssl.so.3"]);
});

test.each([
  ["a plain name", "/a", ["/a"], []],
  ["a removed file, or one really called so", "/a (deleted)", ["/a (deleted)"], ["/a"]],
  ["a newline or a backslash", "/a\\012b", ["/a\nb", "/a\\012b"], []],
  ["both", "/a\\012b (deleted)", ["/a\nb (deleted)", "/a\\012b (deleted)"], ["/a\nb", "/a\\012b"]],
])("readings of %s", (_name, printed, literal, deleted) => expect(readingsOf(printed)).toEqual({ literal, deleted }));
