import fc from "fast-check";
import { expect, test } from "vitest";
import { inetdServices } from "./config.ts";

const SERVICES = "pop3 110/tcp pop-3\ntelnet 23/tcp\ntftp 69/udp\n";

function read(text: string) {
  return inetdServices(text, SERVICES, "inetd");
}

test("a usual inetd.conf(5)", () => {
  const text = `# comment
#<off># telnet stream tcp nowait telnetd /usr/sbin/tcpd /usr/sbin/in.telnetd
pop-3 stream tcp6 nowait.400 root:mail.mail /usr/sbin/popa3d popa3d -i
tftp\tdgram\tudp\twait\tnobody\t/usr/sbin/tcpd /usr/sbin/in.tftpd /srv/tftp
`;
  expect(read(text)).toEqual([
    {
      manager: "inetd",
      id: "pop-3",
      name: "pop-3",
      enabled: true,
      protocol: "tcp",
      port: 110,
      bind: null,
      wait: false,
      server: "/usr/sbin/popa3d",
      forked: false,
    },
    {
      manager: "inetd",
      id: "tftp",
      name: "tftp",
      enabled: true,
      protocol: "udp",
      port: 69,
      bind: null,
      wait: true,
      server: "/usr/sbin/in.tftpd",
      forked: false,
    },
  ]);
});

test.each([
  ["an address of its own", "192.0.2.1:telnet stream tcp nowait root /x x", { port: 23, bind: "192.0.2.1" }],
  ["an IPv6 address", "[::1]:2323 stream tcp6 nowait root /x x", { port: 2323, bind: "::1", id: "2323" }],
  ["an address for all that follow", "127.0.0.1:\ntelnet stream tcp nowait root /x x", { bind: "127.0.0.1" }],
  ["any address again", "127.0.0.1:\n*:telnet stream tcp nowait root /x x", { bind: null }],
  ["an internal service", "echo stream tcp nowait root internal", { server: null, forked: true }],
  ["a port by its number", "8025 stream tcp nowait root /x x", { port: 8025 }],
  ["RPC", "rstatd/1-3 dgram rpc/udp wait root /x rstatd", { id: "rstatd", port: null, protocol: "udp" }],
  ["TCPMUX", "tcpmux/+imagen stream tcp nowait root /x x", { id: "imagen", port: null }],
  [
    "tcpd with a name only",
    "telnet stream tcp nowait root /usr/sbin/tcpd in.telnetd",
    { server: "/usr/sbin/in.telnetd" },
  ],
  ["a line that goes on", "telnet stream tcp\n nowait root /x x", { server: "/x" }],
])("%s", (_name, text, expected) => expect(read(text)).toMatchObject([expected]));

test.each([
  ["too few fields", "telnet stream tcp nowait root"],
  ["no such type", "telnet strem tcp nowait root /x x"],
  ["neither wait nor nowait", "telnet stream tcp later root /x x"],
  ["a local socket", "/run/x stream unix nowait root /x x"],
])("no entry: %s", (_name, text) => expect(read(text)).toEqual([]));

test("any text is read without an error", () => {
  const word = fc.constantFrom(
    "telnet",
    "stream",
    "tcp",
    "nowait",
    "root",
    "/x",
    "*:",
    "[::1]:1",
    "rpc/udp",
    "wait.3",
    " ",
    "#",
  );
  const line = fc.oneof(
    fc.array(word).map((words) => words.join(" ")),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      for (const { port, id } of read(lines.join("\n"))) {
        expect(port === null || (port >= 0 && port < 65536)).toBe(true);
        expect(id).not.toContain(" ");
      }
    }),
  );
});
