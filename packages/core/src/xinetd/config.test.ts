import fc from "fast-check";
import { expect, test } from "vitest";
import { type XinetdService, xinetdServices } from "./config.ts";
import type { XinetdFiles } from "./entries.ts";

const SERVICES = "telnet\t\t23/tcp\nimap2 143/tcp imap # mail\ntftp 69/udp\n";

function read(files: Readonly<Record<string, string>>): readonly XinetdService[] {
  const access: XinetdFiles = {
    text: (path) => files[path] ?? null,
    names: (path) =>
      Object.keys(files).flatMap((file) => (file.startsWith(`${path}/`) ? [file.slice(path.length + 1)] : [])),
  };
  return xinetdServices("/etc/xinetd.conf", access, SERVICES);
}

function service(body: string, name = "imap"): readonly XinetdService[] {
  return read({ "/etc/xinetd.conf": `service ${name}\n{\n${body}\n}\n` });
}

test("a usual configuration", () => {
  const found = read({
    "/etc/xinetd.conf": "# head\ndefaults\n{\n log_type = SYSLOG daemon\n}\nincludedir /etc/xinetd.d\n",
    "/etc/xinetd.d/telnet":
      "service telnet\n{\n\tflags = REUSE\n\tsocket_type = stream\n\twait = no\n\tserver = /usr/sbin/in.telnetd\n}\n",
    "/etc/xinetd.d/imap":
      "SERVICE imap\n{\n ID = imap-secure\n socket_type = stream\n port = 993\n bind = ::1\n wait = no\n server = /usr/sbin/imapd\n disable = yes\n}\n",
    "/etc/xinetd.d/old.rpmnew": "service telnet\n{\n}\n",
    "/etc/xinetd.d/backup~": "service telnet\n{\n}\n",
  });
  expect(found).toEqual([
    {
      manager: "xinetd",
      id: "imap-secure",
      name: "imap",
      enabled: false,
      protocol: "tcp",
      port: 993,
      bind: "::1",
      wait: false,
      server: "/usr/sbin/imapd",
      forked: false,
    },
    {
      manager: "xinetd",
      id: "telnet",
      name: "telnet",
      enabled: true,
      protocol: "tcp",
      port: 23,
      bind: null,
      wait: false,
      server: "/usr/sbin/in.telnetd",
      forked: false,
    },
  ]);
});

test.each([
  ["the port by an alias of /etc/services", "socket_type = stream", { port: 143 }],
  ["a trailing comment makes three values: the attribute is ignored", "server = /x # note", { server: null }],
  ["given twice: the first wins", "port = 1\nport = 2", { port: 1 }],
  [
    "redirect is served by xinetd itself",
    "port = 7\nredirect = 192.0.2.1 80\nserver = /x",
    { forked: true, server: null },
  ],
  ["an internal service", "type = INTERNAL UNLISTED\nport = 7", { forked: true, port: 7 }],
  ["no port for RPC", "type = RPC\nport = 7", { port: null }],
  ["values are compared without case", "disable = YES", { enabled: false }],
  ["datagrams", "socket_type = dgram\nwait = yes\nport = 69", { protocol: "udp", wait: true }],
  [
    "behind tcpd, by the first argument",
    "flags = NAMEINARGS\nserver = /usr/sbin/tcpd\nserver_args = /usr/sbin/in.telnetd -h",
    { server: "/usr/sbin/in.telnetd" },
  ],
  ["tcpd that would start itself", "server = /usr/sbin/tcpd\nserver_args = in.telnetd", { server: "/usr/sbin/tcpd" }],
  ["a service that lacks wait is off", "socket_type = stream\nserver = /x", { enabled: false }],
  ["a service that lacks a server is off", "socket_type = stream\nwait = no", { enabled: false }],
  [
    "a value that is none switches it off",
    `${"socket_type = stream\nwait = no\nserver = /x\n"}disable = maybe`,
    { enabled: false },
  ],
  ["everything there", "socket_type = stream\nwait = no\nserver = /x", { enabled: true }],
  ["interface is another name of bind", "interface = 192.0.2.1", { bind: "192.0.2.1" }],
])("%s", (_name, body, expected) => expect(service(body)).toMatchObject([expected]));

test.each([
  ["no blanks around =", service("port=1\nserver = /x")],
  ["a brace on the same line", read({ "/etc/xinetd.conf": "service imap {\n port = 1\n}\n" })],
  ["a file that is not there", read({})],
])("dropped: %s", (_name, services) => expect(services).toEqual([]));

const WHOLE = " socket_type = stream\n wait = no\n server = /x\n";
const TWO = `service a\n{\n port = 1\n${WHOLE}}\nservice b\n{\n port = 2\n${WHOLE}}\n`;

test.each([
  ["enabled switches all others off", `defaults\n{\n enabled = a\n}\n${TWO}`, [true, false]],
  ["disabled is applied last", `defaults\n{\n enabled = a b\n disabled += a\n}\n${TWO}`, [false, true]],
  [
    "disable = yes wins over enabled",
    `defaults\n{\n enabled = a\n}\n${TWO.replace("port = 1", "disable = yes")}`,
    [false, false],
  ],
  [
    "of two that are alike the later one is dropped",
    TWO.replaceAll(/service [ab]/g, "service c").replace("port = 2", "port = 1"),
    [true, false],
  ],
  ["only the first defaults count", `defaults\n{\n}\ndefaults\n{\n disabled = a\n}\n${TWO}`, [true, true]],
])("%s", (_name, text, expected) =>
  expect(read({ "/etc/xinetd.conf": text }).map(({ enabled }) => enabled)).toEqual(expected),
);

test("a configuration that includes itself ends", () => {
  expect(read({ "/etc/xinetd.conf": `include /etc/xinetd.conf\n${TWO}` })).toHaveLength(2);
});

test("any text is read without an error and in time", () => {
  const word = fc.constantFrom(
    "service",
    "defaults",
    "{",
    "}",
    "=",
    "+=",
    "-=",
    "port",
    "server",
    "type",
    "include",
    "/etc/xinetd.conf",
    "143",
    "a",
  );
  const line = fc.oneof(
    fc.array(word).map((words) => words.join(" ")),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      for (const { port, id } of read({ "/etc/xinetd.conf": lines.join("\n") })) {
        expect(port === null || (port >= 0 && port < 65536)).toBe(true);
        expect(id).not.toBe("");
      }
    }),
  );
});
