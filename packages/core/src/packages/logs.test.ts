import { describe, expect, test } from "vitest";
import { aptTransaction } from "./apt-history.ts";
import { parseDnf5Log } from "./dnf5-log.ts";
import { earlierVersions, onlyOne } from "./history.ts";
import { firstOfYumLog, parseYumLog } from "./yum-log.ts";
import { parseZyppHistory, zyppTransaction } from "./zypp-history.ts";

const instant = (text: string) => Date.parse(`${text.replace(" ", "T")}Z`);
const at = (time: string) => instant(`2026-11-22 ${time}`);
const SSL = new Set(["openssl-libs", "libopenssl3"]);

// As libdnf5 writes it (rpm/transaction.cpp).
const dnf5 = (time: string, action: string, nevra: string) =>
  `2026-11-22T${time}+0000 [18165] INFO RPM callback ${action} start "${nevra}" total 9084
2026-11-22T${time}+0000 [18165] INFO RPM callback ${action} stop "${nevra}" amount 9084 total 9084
`;
const BEGIN = "2026-11-22T08:00:00+0000 [18165] INFO RPM callback transaction start, total 2\n";
const old5 = "openssl-libs-1:3.2.4-1.fc43.x86_64";
const new5 = "openssl-libs-1:3.2.4-2.fc43.x86_64";

describe("dnf5.log", () => {
  const from = (text: string, installed: string | null, since: string) => {
    const of = { name: "openssl-libs", architecture: "x86_64", installed };
    return onlyOne(earlierVersions({ completeSince: 0, changes: parseDnf5Log(text, SSL, Date.parse) }, of, at(since)));
  };
  const upgrade = BEGIN + dnf5("10:00:00", "install", new5) + dnf5("10:00:02", "uninstall", old5);
  test.each([
    ["an upgrade, loaded before it", upgrade, "1:3.2.4-2.fc43", "09:00:00", "1:3.2.4-1.fc43"],
    ["an upgrade, loaded after it", upgrade, "1:3.2.4-2.fc43", "11:00:00", null],
    ["of another package", upgrade.replaceAll("openssl-libs", "zlib"), "1:3.2.4-2.fc43", "09:00:00", null],
    ["the log ends elsewhere", upgrade, "1:3.2.4-3.fc43", "09:00:00", null],
    ["installed for the first time", BEGIN + dnf5("10:00:00", "install", new5), "1:3.2.4-2.fc43", "09:00:00", null],
    [
      "the old one taken away by a later transaction is no upgrade",
      BEGIN + dnf5("10:00:00", "install", new5) + BEGIN + dnf5("10:00:02", "uninstall", old5),
      "1:3.2.4-2.fc43",
      "09:00:00",
      null,
    ],
    ["begun and never ended", upgrade.split("\n").slice(0, 2).join("\n"), "1:3.2.4-2.fc43", "09:00:00", null],
    [
      "a script's own lines say nothing",
      `${upgrade}2026-11-22T10:00:03+0000 [1] INFO RPM callback start %post scriptlet "${old5}"\n`,
      "1:3.2.4-2.fc43",
      "09:00:00",
      "1:3.2.4-1.fc43",
    ],
  ])("%s", (_name, text, installed, since, expected) => expect(from(text, installed, since)).toBe(expected));

  test("what is not taken away in its own transaction was installed beside, and what did not end is of no version", () => {
    const text = BEGIN + dnf5("10:00:00", "install", new5) + BEGIN + dnf5("10:00:02", "uninstall", old5);
    expect(parseDnf5Log(text, SSL, Date.parse)).toMatchObject([
      { from: null, to: "1:3.2.4-2.fc43", endedAt: at("10:00:01") },
      { from: "1:3.2.4-1.fc43", to: null },
    ]);
    const cut = text.split("\n").slice(0, 2).join("\n");
    expect(parseDnf5Log(cut, SSL, Date.parse)).toMatchObject([{ from: null, to: null, endedAt: Infinity }]);
  });
});

describe("yum.log", () => {
  const YUM = `Dec 20 09:00:00 Installed: 1:openssl-libs-1.0.2k-21.el7_9.x86_64
Dec 31 23:59:59 Updated: glibc-2.17-325.el7_9.x86_64
Jan 24 18:10:05 Updated: 1:openssl-libs-1.0.2k-25.el7_9.x86_64
Feb  3 18:10:05 Updated: 1:openssl-libs-1.0.2k-26.el7_9.x86_64
`;
  const log = (text: string, last = "2026-02-03 18:10:05") => ({ text, lastAt: instant(last), instantOf: instant });
  const from = (text: string, installed: string, since: string) => {
    const of = { name: "openssl-libs", architecture: "x86_64", installed };
    const changes = parseYumLog(log(text), SSL);
    return onlyOne(earlierVersions({ completeSince: 0, changes }, of, instant(since)));
  };
  test("its years, back from the last line", () => {
    expect(firstOfYumLog(log(YUM))).toBe(instant("2025-12-20 09:00:00"));
    expect(firstOfYumLog(log("Feb 29 10:00:00 Updated: a-1-1.noarch\n", "2024-03-01 00:00:00"))).toBe(
      instant("2024-02-29 10:00:00"),
    );
    expect(firstOfYumLog(log(""))).toBeNull();
  });
  test.each([
    ["loaded between the last two", YUM, "1:1.0.2k-26.el7_9", "2026-01-30 00:00:00", "1:1.0.2k-25.el7_9"],
    [
      "installed for the first time, and upgraded once",
      YUM.split("\n").slice(0, 3).join("\n"),
      "1:1.0.2k-25.el7_9",
      "2025-12-01 00:00:00",
      "1:1.0.2k-21.el7_9",
    ],
    ["loaded before both: either", YUM, "1:1.0.2k-26.el7_9", "2026-01-01 00:00:00", null],
    [
      "what was there before the first line is not known",
      YUM.split("\n").slice(2).join("\n"),
      "1:1.0.2k-26.el7_9",
      "2026-01-01 00:00:00",
      null,
    ],
    [
      "but does not matter to what was loaded later",
      YUM.split("\n").slice(2).join("\n"),
      "1:1.0.2k-26.el7_9",
      "2026-01-30 00:00:00",
      "1:1.0.2k-25.el7_9",
    ],
    [
      "erased, by its name alone, and installed again",
      `${YUM.split("\n").slice(0, 3).join("\n")}
Feb  2 10:00:00 Erased: openssl-libs
Feb  2 11:00:00 Installed: 1:openssl-libs-1.0.2k-26.el7_9.x86_64
`,
      "1:1.0.2k-26.el7_9",
      "2026-01-30 00:00:00",
      null,
    ],
    [
      "and upgraded once more after that",
      `${YUM.split("\n").slice(0, 3).join("\n")}
Feb  1 10:00:00 Erased: openssl-libs
Feb  1 11:00:00 Installed: 1:openssl-libs-1.0.2k-26.el7_9.x86_64
Feb  3 11:00:00 Updated: 1:openssl-libs-1.0.2k-27.el7_9.x86_64
`,
      "1:1.0.2k-27.el7_9",
      "2026-02-02 00:00:00",
      "1:1.0.2k-26.el7_9",
    ],
  ])("%s", (_name, text, installed, since, expected) => expect(from(text, installed, since)).toBe(expected));
});

describe("history of zypper", () => {
  const ZYPP = `# 2026-11-22 07:00:00 a script said this
2026-11-22 08:00:00|command|root@web01|'zypper' '-n' 'in' 'libopenssl3'|
2026-11-22 08:00:05|install|libopenssl3|3.1.4-1.1|x86_64||repo-oss|abc|
2026-11-22 10:00:00|command|alice@web01|'zypper' 'patch'|
2026-11-22 10:00:09|install|libopenssl3|0:3.1.4-2.1|x86_64||repo-update|abc|
`;
  const from = (text: string, installed: string, since: string) => {
    const of = { name: "libopenssl3", architecture: "x86_64", installed };
    return onlyOne(earlierVersions({ completeSince: 0, changes: parseZyppHistory(text, SSL, instant) }, of, at(since)));
  };
  test.each([
    ["loaded before the upgrade", ZYPP, "3.1.4-2.1", "09:00:00", "3.1.4-1.1"],
    ["loaded after it", ZYPP, "3.1.4-2.1", "10:00:10", null],
    ["loaded when it was not installed yet", ZYPP, "3.1.4-2.1", "07:00:00", null],
    ["what was there before is not known", ZYPP.split("\n").slice(3).join("\n"), "3.1.4-2.1", "09:00:00", null],
    [
      "removed, which names the version, and another one installed",
      `2026-11-22 11:00:00|remove |libopenssl3|3.1.4-2.1|x86_64|root@web01|
2026-11-22 12:00:00|install|libopenssl3|3.1.4-3.1|x86_64||repo-update|abc|
`,
      "3.1.4-3.1",
      "10:30:00",
      "3.1.4-2.1",
    ],
    [
      "removed and another one installed",
      `${ZYPP}2026-11-22 11:00:00|remove |libopenssl3|3.1.4-2.1|x86_64|root@web01|
2026-11-22 12:00:00|install|libopenssl3|3.1.4-3.1|x86_64||repo-update|abc|
`,
      "3.1.4-3.1",
      "10:30:00",
      "3.1.4-2.1",
    ],
  ])("%s", (_name, text, installed, since, expected) => expect(from(text, installed, since)).toBe(expected));

  test("which command did it", () => {
    expect(zyppTransaction(ZYPP, { name: "libopenssl3", version: "3.1.4-2.1" }, instant)).toEqual({
      tool: "zypper",
      startedAt: at("10:00:00"),
      argv: ["zypper", "patch"],
      user: "alice",
    });
    expect(zyppTransaction(ZYPP, { name: "libopenssl3", version: "3.1.4-9.1" }, instant)).toBeNull();
  });
});

describe("history of apt", () => {
  const APT = `
Start-Date: 2026-11-22  10:00:00
Commandline: apt-get upgrade
Requested-By: alice (1000)
Upgrade: curl:amd64 (7.88.1-10, 7.88.1-11), libssl3:amd64 (3.0.11-1, 3.0.15-1)
End-Date: 2026-11-22  10:00:09

Start-Date: 2026-11-22  11:00:00
Commandline: /usr/bin/unattended-upgrade
Install: libnew1:amd64 (1.0, automatic)
Reinstall: libssl3:amd64 (3.0.15-1)
End-Date: 2026-11-22  11:00:02
`;
  const alice = { tool: "apt", startedAt: at("10:00:00"), argv: ["apt-get", "upgrade"], user: "alice" };
  const unattended = { ...alice, startedAt: at("11:00:00"), argv: ["/usr/bin/unattended-upgrade"], user: null };
  test.each([
    ["an upgrade", "libssl3", "3.0.15-1", "10:00:05", alice],
    ["one of several packages", "curl", "7.88.1-11", "10:00:01", alice],
    ["the same version once more", "libssl3", "3.0.15-1", "11:00:01", unattended],
    ["pulled in by another", "libnew1", "1.0", "11:00:01", unattended],
    ["dpkg itself was called later", "libssl3", "3.0.15-1", "12:00:00", null],
    ["the old version is not what was installed", "libssl3", "3.0.11-1", "10:00:05", null],
    ["a package whose name another one ends with", "ssl3", "3.0.15-1", "10:00:05", null],
    ["not a word of it", "libssl3", "4.0", "10:00:05", null],
  ])("%s", (_name, name, version, installedAt, expected) => {
    const of = { name, architecture: "amd64", version, installedAt: at(installedAt) };
    expect(aptTransaction(APT, of, instant)).toEqual(expected);
  });
});
