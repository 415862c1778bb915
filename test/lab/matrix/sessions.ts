import { upgradeImapd } from "../errata.ts";
import { openSession } from "../session.ts";
import { current, oldResidue, oldService, oldSession, type Scenario } from "./scenario.ts";

const xinetd = ["xinetd.service", "xinetd"];
const fresh = "fresh-session";

/** Sessions of super-servers and sockets, and processes that outlive or escape their unit. */
export const sessions: readonly Scenario[] = [
  {
    name: "orphaned-session",
    made: "a session under xinetd, whose server is replaced; then xinetd restarts, and the session goes on under PID 1",
    answer: oldSession("matrix-orphaned-session"),
    why: "its socket's port is the service's; no restart of xinetd (KillMode=process) ends it",
    notUnits: xinetd,
    when: "first",
    inCi: true,
    make: async (shop) => {
      await shop.xinetd(2001);
      const pid = await shop.session(2001);
      await shop.replace("program");
      await shop.sh("systemctl restart xinetd");
      await shop.sh("for i in $(seq 100); do ss -Hltn 'sport = :2001' | grep -q . && break; sleep 0.05; done");
      return { old: [pid], path: shop.at("program") };
    },
  },
  {
    name: "imapd-session",
    made: "an IMAP session under xinetd is open when dpkg upgrades imapd from 1.0 to 1.1",
    answer: oldSession("imap"),
    why: "new connections start the new imapd; only this session is old, and xinetd is not",
    notUnits: xinetd,
    inCi: true,
    make: async ({ lab, host, sh }) => {
      await openSession(lab, host, 143);
      const pid = Number(await sh("pgrep -n -x imapd"));
      await upgradeImapd(host);
      return { old: [pid], path: "/usr/sbin/imapd" };
    },
  },
  {
    name: fresh,
    made: "two sessions of one xinetd service, one opened before its server was replaced and one after",
    answer: oldSession(`matrix-${fresh}`),
    why: "the first runs the old build and the second the new one: ending both would end a user's work for nothing",
    notUnits: xinetd,
    inCi: true,
    make: async (shop) => {
      await shop.xinetd(2002);
      const old = await shop.session(2002);
      await shop.replace("program");
      return { old: [old], current: [await shop.session(2002)], path: shop.at("program") };
    },
  },
  {
    name: "tcpd-session",
    made: "an xinetd service behind tcpd (NAMEINARGS): the session's program is not the configured server",
    answer: oldSession("matrix-tcpd-session"),
    why: "the local port of its connection is the service's, whatever program tcpd became",
    notUnits: xinetd,
    needs: "/usr/sbin/tcpd",
    make: async (shop) => {
      const wrapped = { flags: "NAMEINARGS", server: "/usr/sbin/tcpd", server_args: `${shop.at("program")} --serve` };
      await shop.xinetd(2003, wrapped); // flags before all else: server_args is read by those known then
      const pid = await shop.session(2003);
      await shop.replace("program");
      return { old: [pid], path: shop.at("program") };
    },
  },
  {
    name: "waiting-server",
    made: "a wait=yes server of xinetd holds the listening socket and has a child for an open connection; both are old",
    answer: oldSession("matrix-waiting-server"),
    why: "server and child belong to one xinetd service; once both are ended, xinetd starts the new program",
    notUnits: xinetd,
    inCi: true,
    make: async (shop) => {
      await shop.xinetd(2004, { wait: "yes", server_args: "--serve-all" });
      const child = await shop.session(2004);
      const server = Number(await shop.sh(`ps -o ppid= -p ${child}`));
      await shop.replace("program");
      return { old: [server, child], path: shop.at("program") };
    },
  },
  {
    name: "accepted-session",
    made: "a session of a systemd socket with Accept=yes, whose program is replaced",
    answer: {
      kind: "old",
      verdict: "replaced",
      owner: "socket-session systemd matrix-accepted-session@*",
      remedy: "end-session",
    },
    why: "the instance serves one connection: it is stopped, never restarted on the same connection",
    notUnits: ["matrix-accepted-session@*"],
    make: async (shop) => {
      const name = "matrix-accepted-session";
      await shop.sh(`printf '[Socket]\\nListenStream=2005\\nAccept=yes\\n' >/run/systemd/system/${name}.socket
        printf '[Service]\\nExecStart=%s/program --serve\\nStandardInput=socket\\n' "$PWD" >/run/systemd/system/${name}@.service
        systemctl daemon-reload; systemctl start ${name}.socket`);
      const pid = await shop.session(2005);
      await shop.replace("program");
      return { old: [pid], path: shop.at("program") };
    },
  },
  {
    name: "kill-mode-process-leftover",
    made: "a child outlives the restart of its unit (KillMode=process) and runs the old library; the main program is new",
    // The unit was restarted already, and that did not help.
    answer: oldResidue("application - */program"),
    why: "another restart would leave it again: the process has to be ended, the unit is current",
    notUnits: ["matrix-kill-mode-process-leftover*"],
    inCi: true,
    make: async (shop) => {
      const file = `/run/systemd/system/${shop.unit}`;
      await shop.sh(`printf '[Service]\\nKillMode=process\\nWorkingDirectory=%s\\nExecStart=%s/program --ready=%s/child %s/library.so --child --ready=%s/main\\n' \\
        "$PWD" "$PWD" "$PWD" "$PWD" "$PWD" >${file}; systemctl daemon-reload; systemctl start ${shop.unit}`);
      const written = 'for i in $(seq 200); do [ ! -e "$f" ] || break; sleep 0.05; done; cat "$f"';
      const child = Number(await shop.sh(`f=child; ${written}`));
      await shop.replace("library.so");
      await shop.sh(`f=main; ${written}; rm main child; systemctl restart ${shop.unit}`);
      return { old: [child], current: [Number(await shop.sh(`f=main; ${written}`))], path: shop.at("library.so") };
    },
  },
  {
    name: "cron-job",
    made: "a program that cron started (@reboot, with setsid) runs on; its library is replaced",
    answer: oldResidue("application - */program"),
    why: "cron is current and restarting it does not replace the job: whoever wrote the job has to launch it again",
    notUnits: ["cron.service", "cron"],
    make: async (shop) => {
      const start = `@reboot root setsid ${shop.at("program")} --ready="$ready" ${shop.at("library.so")}`;
      const pid = await shop.started(
        `echo "${start}" >/etc/cron.d/matrix; rm -f /run/crond.reboot; systemctl restart cron`,
      );
      await shop.replace("library.so");
      return { old: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "user-service",
    made: "a service of a user's own systemd has the library mapped when it is replaced",
    answer: oldService("replaced", "user@1000.service/matrix-user-service.service"),
    why: "it is a unit of the user's own manager: that one restarts it, and user@1000.service is not touched",
    notUnits: ["user@1000.service", "user@1000"],
    needs: "/usr/lib/x86_64-linux-gnu/security/pam_systemd.so",
    make: async (shop) => {
      await shop.sh(
        "useradd --uid 1000 --create-home matrix; systemctl start user@1000.service; mkdir -p /run/matrix; chmod 1777 /run/matrix",
      );
      const user = "setpriv --reuid 1000 --regid 1000 --init-groups env XDG_RUNTIME_DIR=/run/user/1000";
      const run = `systemd-run --user --unit=${shop.unit} --collect --quiet -- "$PWD/program" --ready="$ready"`;
      const pid = await shop.started(`${user} ${run} "$PWD/library.so"`);
      await shop.replace("library.so");
      return { old: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "sysv-service",
    made: "a daemon that an init script started, without a unit file; its program is replaced",
    answer: oldService("replaced", "matrix-sysv.service"),
    why: "systemd made a unit of the script, and its cgroup holds the daemon",
    inCi: true,
    make: async (shop) => {
      await shop.sh(`cat >/etc/init.d/matrix-sysv <<END
#!/bin/sh
### BEGIN INIT INFO
# Provides: matrix-sysv
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
case \\$1 in
start) start-stop-daemon --start --background --exec $PWD/program -- --ready=$PWD/ready ;;
stop) start-stop-daemon --stop --exec $PWD/program ;;
esac
END
      chmod 755 /etc/init.d/matrix-sysv; systemctl daemon-reload; systemctl start matrix-sysv.service`);
      const pid = Number(await shop.sh("for i in $(seq 200); do [ ! -e ready ] || break; sleep 0.05; done; cat ready"));
      await shop.replace("program");
      return { old: [pid], path: shop.at("program") };
    },
  },
  {
    name: "current-beside-all",
    made: "a service that started before everything else and of which nothing was changed",
    answer: current,
    why: "nothing of it changed",
    make: async (shop) => ({ current: [await shop.start([shop.at("library.so")])], path: shop.at("library.so.none") }),
  },
];
