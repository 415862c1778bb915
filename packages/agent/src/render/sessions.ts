import type { Endpoint, OpenSession, SessionsDocument } from "../look/sessions.ts";
import { plural, rows } from "./words.ts";

/** Open sessions, for a person. */
export function renderSessions({ host, asked, services, sessions, unreadable }: SessionsDocument): string {
  const old = sessions.filter(({ code }) => code === "old").length;
  const of = asked === null ? "" : ` of ${asked}`;
  const none =
    services.length === 0 ? "no super-server (xinetd, inetd, Accept=yes socket) was found" : `no open session${of}`;
  const some = `${plural(sessions.length, "open session", "open sessions")}${of}, ${old === 0 ? "none" : old} of them with old code`;
  const parts = [
    `${host.name}: ${sessions.length === 0 ? none : some}`,
    rows(sessions.map(row)).join("\n"),
    unreadable.length === 0
      ? ""
      : `Not readable, so not known: ${plural(unreadable.length, "process", "processes")}; 'afterpatch-agent scan' says why.`,
    old === 0
      ? ""
      : "Next: 'sudo afterpatch-agent apply --only end-session' ends the old ones; new connections start the new code.",
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

const MOST_PIDS = 4;

function row({ service, owner, code, user, since, peer, morePeers, processes }: OpenSession): readonly string[] {
  const pids = processes.map(({ pid }) => pid);
  const more = pids.length > MOST_PIDS ? ` and ${pids.length - MOST_PIDS} more` : "";
  const from = peer === null ? "no peer" : `from ${endpoint(peer)}`;
  return [
    `  ${code}`,
    `${service} (${owner.manager ?? owner.kind})`,
    morePeers.length === 0 ? from : `${from} and ${morePeers.length} more`,
    user,
    `since ${new Date(since).toISOString().replace("T", " ").slice(0, 19)} UTC`,
    `pid ${pids.slice(0, MOST_PIDS).join(" ")}${more}`,
  ];
}

function endpoint({ address, port }: Endpoint): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
