import fc from "fast-check";
import { expect, test } from "vitest";
import { parseInitScript } from "./script.ts";

const USUAL = ["/run/x.pid", "/run/x/x.pid", "/run/x/pid"];

test.each([
  [
    "Debian: variables in variables",
    `NAME=xd\nDAEMON=/usr/sbin/$NAME\nPIDFILE=/run/\${NAME}.pid\nstart-stop-daemon --start --pidfile $PIDFILE --exec $DAEMON\n`,
    { programs: ["/usr/sbin/xd"], pidFiles: ["/run/xd.pid", ...USUAL] },
  ],
  [
    "Red Hat: the header of chkconfig",
    "#!/bin/bash\n# chkconfig: 345 56 50\n# processname: /usr/sbin/xinetd\n# pidfile: /var/run/xinetd.pid\n",
    { programs: ["/usr/sbin/xinetd"], pidFiles: ["/var/run/xinetd.pid", ...USUAL] },
  ],
  [
    "quotes, a default in the expansion, exec of daemon()",
    `exec='/usr/sbin/httpd'\npidfile="\${PIDFILE-/var/run/httpd/httpd.pid}"\n`,
    { programs: ["/usr/sbin/httpd"], pidFiles: ["/var/run/httpd/httpd.pid", ...USUAL] },
  ],
  [
    "what the shell would compute is no value",
    "DAEMON=$(which x)\nPIDFILE=`cat /x`\n",
    { programs: [], pidFiles: USUAL },
  ],
  [
    "OpenRC: its own name, and command=",
    `command="/usr/sbin/\${RC_SVCNAME}d"\npidfile=/run/$SVCNAME/daemon.pid\n`,
    { programs: ["/usr/sbin/xd"], pidFiles: ["/run/x/daemon.pid", ...USUAL] },
  ],
  ["a variable nobody set", "DAEMON=/usr/sbin/$WHAT\n", { programs: [], pidFiles: USUAL }],
  ["a path that leads up", "DAEMON=/usr/sbin/../../x\n", { programs: [], pidFiles: USUAL }],
  ["no absolute path", "DAEMON=xd\n", { programs: [], pidFiles: USUAL }],
  ["a comment", "# DAEMON=/usr/sbin/xd\n", { programs: [], pidFiles: USUAL }],
])("%s", (_name, text, expected) => expect(parseInitScript("x", text)).toEqual(expected));

test("any text is read in time, and gives absolute paths only", () => {
  const piece = fc.constantFrom(
    "DAEMON=",
    "PIDFILE=",
    "$",
    "${",
    "}",
    ":-",
    '"',
    "'",
    "/x",
    "--exec ",
    "--pidfile=",
    "\n",
    "# pidfile: ",
  );
  const text = fc.array(fc.oneof(piece, fc.string()), { maxLength: 200 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(text, (script) => {
      const { programs, pidFiles } = parseInitScript("x", script);
      for (const path of [...programs, ...pidFiles]) expect(path).toMatch(/^\/[^$`\n]+$/);
    }),
  );
});

test("a value that grows by itself ends", () => {
  const script = `A=/aaaaaaaaaaaaaaaa\n${Array.from({ length: 60 }, (_, n) => `V${n + 1}=$${n ? `V${n}` : "A"}$${n ? `V${n}` : "A"}`).join("\n")}\n`;
  expect(parseInitScript("x", script).programs).toEqual([]);
});
