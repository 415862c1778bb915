import { expect, test } from "vitest";
import { expanded, variablesOf } from "./sshd.ts";

test.each<[string, readonly string[], string, readonly string[]]>([
  ["Debian without options", ["-D", "$SSHD_OPTS"], "SSHD_OPTS=\n", ["-D"]],
  [
    "words of a variable",
    ["-D", "$OPTIONS"],
    'OPTIONS="-f /etc/ssh/other  -4"\n',
    ["-D", "-f", "/etc/ssh/other", "-4"],
  ],
  ["within a word", ["-o", `Port=\${PORT}`], "export PORT='2222'\n", ["-o", "Port=2222"]],
  ["not set", ["-D", "$OPTIONS", `-p\${PORT}`], "# OPTIONS=-4\n", ["-D", "-p"]],
  ["the last one counts", ["$A"], "A=1\nA=2\n", ["2"]],
])("%s", (_name, words, file, expected) => expect(expanded(words, variablesOf(file))).toEqual(expected));
