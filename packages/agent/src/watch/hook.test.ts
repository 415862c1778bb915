import { expect, test } from "vitest";
import { type Ancestor, hookOf } from "./hook.ts";

const SHELL: readonly Ancestor[] = [
  { pid: 900, comm: "bash" },
  { pid: 1, comm: "systemd" },
];
const UNDER = (comm: string): readonly Ancestor[] => [
  { pid: 910, comm: "imapd.postinst" },
  { pid: 905, comm },
  ...SHELL,
];

test.each<[string, string, readonly Ancestor[], number | null, string | null]>([
  ["a shell", "PATH=/bin\0HOME=/root\0", SHELL, null, null],
  ["a shell, while apt works elsewhere", "PATH=/bin\0", SHELL, 77, null],
  ["a script of a package", "PATH=/bin\0DPKG_MAINTSCRIPT_NAME=postinst\0", UNDER("dpkg"), 905, "dpkg, pid 905"],
  ["a hook of apt, after dpkg", "PATH=/bin\0", UNDER("apt-get"), null, "apt-get, pid 905"],
  ["unattended-upgrades, whose name is cut", "", UNDER("unattended-upgr"), null, "unattended-upgr, pid 905"],
  ["a scriptlet of rpm under dnf", "", UNDER("dnf"), null, "dnf, pid 905"],
  ["a program nobody knows that holds the lock", "", UNDER("frontend"), 905, "frontend, pid 905"],
  [
    "what a script of a package left behind",
    "DPKG_MAINTSCRIPT_NAME=postinst\0",
    [],
    null,
    "DPKG_MAINTSCRIPT_NAME is set",
  ],
  ["a hook of dpkg, cut off from it", "DPKG_HOOK_ACTION=unpack\0", SHELL, null, "DPKG_HOOK_ACTION is set"],
  ["a hook of apt, cut off from it", "APT_HOOK_INFO_FD=3\0", SHELL, null, "APT_HOOK_INFO_FD is set"],
  [
    "another variable with such a name in it",
    "MY_DPKG_MAINTSCRIPT_NAME=x\0X=DPKG_RUNNING_VERSION=1\0",
    SHELL,
    null,
    null,
  ],
  ["a program with a name nobody should print", "", [{ pid: 905, comm: "\u001b[2J" }], 905, "\\u{1b}[2J, pid 905"],
])("%s", (_name, environment, above, lockedBy, expected) => {
  expect(hookOf(environment, above, lockedBy)).toBe(expected);
});
