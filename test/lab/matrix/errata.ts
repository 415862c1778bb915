import { readBase } from "../base.ts";
import { installedVersion, reinstallLibssl, upgradeLibssl } from "../errata.ts";
import { OTHER_BUILD_ID } from "./files.ts";
import { current, oldResidue, oldService, type Scenario } from "./scenario.ts";
import type { Shop } from "./shop.ts";

const libcrypto = "/usr/lib/x86_64-linux-gnu/libcrypto.so.3";

/** A real upgrade of a library that many programs share: one for all scenarios. */
export const errata: readonly Scenario[] = [
  {
    name: "libssl-reinstalled",
    made: "dpkg installs the very libssl3 once more that sshd and PID 1 have mapped",
    answer: current,
    why: "the same package version has the same build: nothing is old",
    when: "first",
    make: async (shop) => {
      const pids = [await mainPid(shop, "ssh.service"), 1];
      await reinstallLibssl(shop.host);
      return { current: pids, path: libcrypto };
    },
  },
  {
    name: "libssl-sshd",
    made: "dpkg upgrades libssl3 from one security release of Debian to the newest, under a running sshd",
    answer: oldService("replaced", "ssh.service"),
    why: "the listener has the old libcrypto mapped",
    when: "last",
    inCi: true,
    make: async (shop) => {
      const pid = await mainPid(shop, "ssh.service");
      await upgraded(shop);
      return { old: [pid], path: libcrypto };
    },
  },
  {
    name: "libssl-init",
    made: "the same upgrade: PID 1 has libcrypto mapped, through libsystemd-shared",
    answer: { kind: "old", verdict: "replaced", owner: "init systemd systemd", remedy: "reexec" },
    why: "PID 1 runs the old build, and can replace itself in place: no reboot",
    when: "last",
    inCi: true,
    make: async (shop) => {
      await upgraded(shop);
      return { old: [1], path: libcrypto };
    },
  },
  {
    name: "libssl-journald",
    made: "the same upgrade: journald has libcrypto mapped",
    answer: oldService("replaced", "systemd-journald.service"),
    why: "journald keeps its streams over a restart",
    when: "last",
    make: async (shop) => {
      await upgraded(shop);
      return { old: [await mainPid(shop, "systemd-journald.service")], path: libcrypto };
    },
  },
  {
    name: "libssl-cron",
    made: "the same upgrade: cron has no libssl mapped",
    answer: current,
    why: "nothing that cron has mapped was changed",
    when: "last",
    make: async (shop) => {
      await upgraded(shop);
      return { current: [await mainPid(shop, "cron.service")], path: libcrypto };
    },
  },
  {
    name: "ssh-session",
    made: "a user logged in by ssh before that upgrade: the session's sshd is old, ssh.service keeps it (KillMode=process)",
    answer: oldResidue("user-session systemd session-*"),
    why: "a restart of ssh.service leaves the session; it is its user's, who is asked to log in again",
    needs: "/usr/lib/x86_64-linux-gnu/security/pam_systemd.so",
    notUnits: ["ssh.service", "ssh"],
    when: "last",
    begin: openSshSession,
    make: async (shop) => {
      await upgraded(shop);
      return { old: [Number(await shop.sh("cat /run/matrix/ssh-session"))], path: libcrypto };
    },
  },
  {
    name: "libwrap-xinetd",
    made: "a new build of libwrap, which the guide asks lsof for, is renamed over the one xinetd has mapped",
    answer: oldService("replaced", "xinetd.service"),
    why: "xinetd itself has the old library mapped: here its restart is the answer",
    when: "last",
    make: async (shop) => {
      const path = "/usr/lib/x86_64-linux-gnu/libwrap.so.0.7.6";
      await shop.sh(
        `perl -0777 -pe '${OTHER_BUILD_ID}' ${path} >/usr/lib/libwrap.new; mv /usr/lib/libwrap.new ${path}`,
      );
      return { old: [Number(await shop.sh("pgrep -o -x xinetd"))], path };
    },
  },
];

/** Logs in by ssh to the host itself and leaves the session open; its sshd's pid is in /run/matrix/ssh-session. */
async function openSshSession(shop: Shop): Promise<void> {
  await shop.sh(`mkdir -p /run/matrix ~/.ssh; ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
    cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys; rm -f /run/nologin
    setsid ssh -o StrictHostKeyChecking=no localhost 'cut -d " " -f 4 /proc/$PPID/stat >/dev/null; echo $PPID >/run/matrix/ssh-session.new; mv /run/matrix/ssh-session.new /run/matrix/ssh-session; sleep 100000' </dev/null >/dev/null 2>&1 &
    for i in $(seq 200); do [ ! -e /run/matrix/ssh-session ] || break; sleep 0.05; done; cat /run/matrix/ssh-session`);
}

async function mainPid(shop: Shop, unit: string): Promise<number> {
  return Number(await shop.sh(`systemctl show --property=MainPID --value ${unit}`));
}

/** A second installation would only take the library's inode, not its build, from those who have the new one. */
async function upgraded({ host }: Shop): Promise<void> {
  const { libssl } = await readBase(host.base);
  if ((await installedVersion(host, "libssl3")) !== libssl.newest) await upgradeLibssl(host);
}
