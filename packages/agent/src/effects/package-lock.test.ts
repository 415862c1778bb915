import { expect, test } from "vitest";
import { writeLocks } from "./package-lock.ts";

test("write locks of /proc/locks, without those that are only waited for", () => {
  const text = `1: FLOCK  ADVISORY  WRITE 31 00:41:98 0 EOF
2: POSIX  ADVISORY  WRITE 1146 fe:00:16066834 0 EOF
2: -> POSIX  ADVISORY  WRITE 1150 fe:00:16066834 0 EOF
3: POSIX  ADVISORY  READ  900 fe:00:77 128 128
4: OFDLCK ADVISORY  WRITE -1 00:2a:3 0 EOF
`;
  expect(writeLocks(text)).toEqual([
    { pid: 31, device: "00:41", inode: "98" },
    { pid: 1146, device: "fe:00", inode: "16066834" },
    { pid: -1, device: "00:2a", inode: "3" },
  ]);
});
