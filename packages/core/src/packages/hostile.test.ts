import fc from "fast-check";
import { expect, test } from "vitest";
import { expectQuick, hostile } from "../../../../test/fakes/hostile.ts";
import { inetdServices } from "../inetd/config.ts";
import { parseInitScript } from "../sysv/script.ts";
import { xinetdServices } from "../xinetd/config.ts";
import { parseStates, serializeStates } from "../detect/file-state.ts";
import { portsOf } from "../xinetd/ports.ts";
import { aptTransaction } from "./apt-history.ts";
import { parseDnf5Log } from "./dnf5-log.ts";
import { firstOfYumLog, parseYumLog } from "./yum-log.ts";
import { firstOfZypp, parseZyppHistory, zyppTransaction } from "./zypp-history.ts";
import { firstZoned, parseDnfLog, splitNevra } from "./dnf-log.ts";
import { canonicalPath, listedPaths, parseDiversions, wantedPaths } from "./dpkg-lists.ts";
import { firstInstant, parseDpkgLog } from "./dpkg-log.ts";
import { ownerOfList, parseDpkgStatus } from "./dpkg-status.ts";
import { compareDpkgVersions } from "./dpkg-version.ts";
import { parseInventory, serializeInventory } from "./inventory.ts";
import { parseOwners, parseRpmLine, SEPARATOR } from "./rpm-query.ts";
import { compareRpmVersions } from "./rpm-version.ts";

const LONG = 60_000;
const NAMES = new Set(["x", "libssl3", "bash", ""]);
const MERGED = new Set(["/lib"]);
const STATUS = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.1-1\n\n";
const DPKG_LOG =
  "2026-11-22 18:39:35 upgrade libssl3:amd64 3.0.1-1 3.0.2-1\n2026-11-22 18:39:36 status installed libssl3:amd64 3.0.2-1\n";
const DNF_LOG =
  "2020-06-10T10:34:57Z SUBDEBUG Upgrade: bash-5.1-9.el9.x86_64\n2020-06-10T10:34:58Z SUBDEBUG Upgraded: bash-5.1-8.el9.x86_64\n";
const RPM_LINE = "\tbash\t0\t5.1\t9.el9\tx86_64\t1700000000";
const RPM = `${RPM_LINE}\nfile ${SEPARATOR} is not owned by any package\n`;
const INVENTORY = serializeInventory([
  { path: "/usr/lib/x.so", key: "k", seenAt: 1, owned: null },
  {
    path: "/usr/lib/y.so",
    key: "k",
    seenAt: 2,
    owned: { content: "build-id:ab", name: "y", architecture: "amd64", version: null, installedAt: 3 },
  },
]);
const LIST = "/.\n/usr\n/lib/x.so\n/usr/lib/y.so\n";
const DIVERSIONS = "/lib/x.so\n/lib/x.so.old\nlibssl3\n/a\n/b\n:\n";

test(
  "databases of packages, damaged",
  () => {
    const wanted = wantedPaths(["/usr/lib/x.so", "/usr/lib/y.so"], MERGED);
    fc.assert(
      fc.property(hostile(STATUS.repeat(2), LIST, DIVERSIONS, "libc6:amd64.list"), (text) => {
        for (const { name, version } of parseDpkgStatus(text, NAMES)) {
          expect(NAMES.has(name)).toBe(true);
          expect(version ?? "1").toMatch(/^[\w.+~:-]+$/);
        }
        for (const path of listedPaths(text, wanted)) expect(["/usr/lib/x.so", "/usr/lib/y.so"]).toContain(path);
        for (const { from, to } of parseDiversions(text, MERGED)) expect(from[0] === "/" && to[0] === "/").toBe(true);
        const owner = ownerOfList(text);
        if (owner)
          expect(`${owner.name}${owner.architecture === null ? "" : `:${owner.architecture}`}.list`).toBe(text);
        canonicalPath(text, MERGED);
      }),
    );
    const asked = new Set(["x"]);
    expectQuick(
      (text) => parseDpkgStatus(text, asked),
      ["Package: x\n", "Package: x\n\n", "\nPackage:", "\n", STATUS, "\n\n"],
    );
    expectQuick(
      (text) => parseDpkgStatus(text, asked),
      ["Package: x\nArchitecture: all\nStatus: a\n", "Package: x\nVersion:"],
    );
    expectQuick((text) => listedPaths(text, wanted), [LIST, "\n", "/lib/x.so\n", "a"]);
    expectQuick((text) => parseDiversions(text, MERGED), [DIVERSIONS, "/\n", "\n"]);
    expectQuick(ownerOfList, [":", "a", ".list"]);
  },
  LONG,
);

test(
  "logs and answers of package managers, damaged",
  () => {
    fc.assert(
      fc.property(hostile(DPKG_LOG, DNF_LOG, RPM), (text) => {
        for (const { name } of parseDpkgLog(text, NAMES, Date.parse)) expect(NAMES.has(name)).toBe(true);
        for (const { name } of parseDnfLog(text, NAMES, Date.parse)) expect(NAMES.has(name)).toBe(true);
        firstInstant(text, Date.parse);
        firstZoned(text);
        const owners = parseOwners(text, ["/a"]);
        expect(owners === null || owners.length === 1).toBe(true);
        splitNevra(text);
      }),
    );
    fc.assert(
      fc.property(hostile(RPM_LINE), (line) => {
        const owner = parseRpmLine(line);
        if (owner) expect(`${owner.name}${owner.version}${owner.architecture}`).toMatch(/^[\w.+~^%{}:-]+$/);
      }),
    );
    expectQuick((text) => parseDpkgLog(text, NAMES, Date.parse), [DPKG_LOG, "\n", " ", "2026-11-22 18:39:35 "]);
    expectQuick((text) => parseDnfLog(text, NAMES, Date.parse), [DNF_LOG, "\n", "-", "2020-06-10T10:34:57Z a Erase: "]);
    for (const parse of [
      firstZoned,
      (text: string) => firstInstant(text, Date.parse),
      (text: string) => parseOwners(text, []),
    ])
      expectQuick(parse, [DPKG_LOG, DNF_LOG, RPM, "\n", "\t", "2026-11-22"]);
    expectQuick(splitNevra, ["-", "-a", "a.", "a-1-1.x", "."]);
    expectQuick(parseRpmLine, ["\t", "a", RPM_LINE]);
  },
  LONG,
);

test(
  "an inventory, damaged, is none or whole",
  () => {
    fc.assert(
      fc.property(hostile(INVENTORY), (text) => {
        const entries = parseInventory(text);
        if (entries) expect(parseInventory(serializeInventory(entries))).toEqual(entries);
      }),
    );
    expectQuick(parseInventory, ["[", "{", '{"a":', "1,", '"', INVENTORY]);
  },
  LONG,
);

test(
  "versions of any length are compared",
  () => {
    const version = hostile("1:1.1.1k-9.el8", "3.0.11~deb12u1+b1", "~^~^", "0001");
    fc.assert(
      fc.property(version, version, (a, b) => {
        for (const compare of [compareDpkgVersions, compareRpmVersions]) {
          expect(Math.sign(compare(a, b)) || 0).toBe(-Math.sign(compare(b, a)) || 0);
          expect(compare(a, a)).toBe(0);
        }
      }),
    );
    const pieces = ["0", "1", "a", "1.", "~", "^", "-", ":", "a1", "."];
    expectQuick((text) => compareDpkgVersions(text, `${text}1`), pieces);
    expectQuick((text) => compareRpmVersions(text, `${text}1`), pieces);
  },
  LONG,
);

test(
  "logs of dnf5, yum, zypper and apt, and what scans remember of files, damaged",
  () => {
    const instant = (text: string) => Date.parse(`${text.replace(" ", "T")}Z`);
    const yum = (text: string) => ({ text, lastAt: 1_700_000_000_000, instantOf: instant });
    const of = { name: "bash", architecture: "amd64", version: "1-1", installedAt: 1_700_000_000_000 };
    const dnf5 = '2026-04-30T03:56:52+0000 [1] INFO RPM callback install stop "bash-0:5.1-9.el9.x86_64" amount 1\n';
    const yumLine = "Jan 24 18:10:05 Updated: 1:bash-5.1-9.el9.x86_64\n";
    const zypp =
      "2026-03-01 10:00:00|command|root@a|'zypper' 'up'|\n2026-03-01 10:00:09|install|bash|1-1|x86_64||r|c|\n";
    const apt = "Start-Date: 2026-11-22  10:00:00\nUpgrade: bash:amd64 (1-0, 1-1)\nEnd-Date: 2026-11-22  10:00:09\n\n";
    const state = { path: "/x", inode: "1", key: "k", content: "sha256:aa", since: 1, before: [] };
    const states = serializeStates([
      { ...state, before: [{ pid: 1, startTicks: 2, address: 3, isSure: true }] },
      state,
    ]);
    const all = (text: string) => {
      const changes = [
        ...parseDnf5Log(text, NAMES, Date.parse),
        ...parseYumLog(yum(text), NAMES),
        ...parseZyppHistory(text, NAMES, instant),
      ];
      for (const { name } of changes) expect(NAMES.has(name)).toBe(true);
      firstOfYumLog(yum(text));
      firstOfZypp(text, instant);
      zyppTransaction(text, of, instant);
      aptTransaction(text, of, instant);
    };
    fc.assert(fc.property(hostile(dnf5, yumLine, zypp, apt), all));
    fc.assert(
      fc.property(hostile(states), (text) => {
        for (const { path } of parseStates(text) ?? []) expect(path.startsWith("/")).toBe(true);
      }),
    );
    const transaction = "2026-04-30T03:56:52+0000 [1] INFO RPM callback transaction start, total 2\n";
    expectQuick(all, [dnf5, dnf5 + transaction, yumLine, zypp, apt, "bash:amd64 (1-1", "'", "|", ", ", "(1-1)", "\n"]);
    // Architectures are whatever the log says, and what was erased is named without one.
    let count = 0;
    expectQuick(
      (text) => all(text.replaceAll("~", () => `a${count++}`)),
      [
        "Jan 24 18:10:05 Updated: bash-5.1-9.~\nJan 24 18:10:05 Erased: bash\n",
        "Jan 24 18:10:05 Updated: bash-5-9.~\n",
      ],
    );
    const many = "Jan 24 18:10:05 Updated: x-5-9.~\n".repeat(12_000).replaceAll("~", () => `a${count++}`);
    expectQuick((text) => all(many + text), ["Jan 24 18:10:05 Erased: bash\n"]);
    expectQuick(parseStates, ["[", '["', "{", states]);
  },
  LONG,
);

const XINETD =
  "defaults\n{\n enabled = imap\n}\nservice imap\n{\n port = 143\n wait = no\n server = /usr/sbin/imapd\n}\n";
const INETD =
  "imap stream tcp nowait root /usr/sbin/tcpd /usr/sbin/imapd -x\n192.0.2.1:\nftp dgram udp wait root /x x\n";
const SCRIPT = `# pidfile: /run/x.pid\nDAEMON=/usr/sbin/x\nP=$DAEMON\nstart-stop-daemon --exec \${DAEMON:-/x} --pidfile $P\n`;
const SERVICES = "telnet\t23/tcp\nimap2 143/tcp imap # mail\n";

test(
  "super-servers and init scripts, damaged",
  () => {
    const xinetd = (text: string) =>
      xinetdServices("/c", { text: (path) => (path === "/c" ? text : null), names: () => ["a", "b"] }, SERVICES);
    const inetd = (text: string) => inetdServices(text, SERVICES, "inetd");
    const script = (text: string) => parseInitScript("x", text);
    fc.assert(
      fc.property(hostile(XINETD, INETD, SCRIPT, SERVICES), (text) => {
        for (const { port } of [...xinetd(text), ...inetd(text)]) expect(isPort(port)).toBe(true);
        for (const port of portsOf(text).values()) expect(isPort(port)).toBe(true);
        const { programs, pidFiles } = script(text);
        for (const path of [...programs, ...pidFiles]) expect(path).toMatch(/^\/[\w./+@:-]+$/);
      }),
    );
    const lists = [
      "defaults\n{\n enabled = a b\n}\n",
      "enabled += a\n",
      "service a\n{\n}\n",
      "include /c\n",
      "includedir /\n",
    ];
    expectQuick(xinetd, [XINETD, "service ", "{\n", "}\n", " ", ...lists, "service imap\n{\n wait = no\n}\n"]);
    expectQuick(
      (text) => xinetd(`defaults\n{\n${text}\n}\n`),
      ["enabled += a\n", "disabled = a\n", "enabled -= b\n", "a "],
    );
    expectQuick(inetd, [INETD, " a\n", "\t\n", "[", ":", "a:\n", " ", "#"]);
    expectQuick(script, [SCRIPT, "$A", "${A", "${A:-", "--exec ", "-x\t", "A=$A\n", '="', "P=/\n", "#"]);
    expectQuick(portsOf, [SERVICES, "a 1/tcp ", "a 1/tcp\n", "#", " ", "\t"]);
  },
  LONG,
);

function isPort(port: number | null): boolean {
  return port === null || (Number.isInteger(port) && port >= 0 && port < 65_536);
}
