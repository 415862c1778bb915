import { statSync } from "node:fs";

/** How a program is run as somebody who has a manager of their own: credentials for spawn, and where that manager listens. */
export interface AsUser {
  readonly uid: number;
  readonly gid: number;
  readonly env: Readonly<Record<"XDG_RUNTIME_DIR", string>>;
}

/**
 * For `systemctl --user`. As root it is refused there (systemd 252: "Operation not permitted"), `-M UID@` needs
 * pam_systemd, and a program of the user's own choosing may answer on that socket: it is talked to with the user's rights.
 * Null without a runtime directory, which logind makes for whoever has a manager: then there is none.
 */
export function asUser(uid: number): AsUser | null {
  const directory = `/run/user/${uid}`;
  const stat = statSync(directory, { throwIfNoEntry: false });
  if (!stat?.isDirectory() || stat.uid !== uid) return null;
  return { uid, gid: stat.gid, env: { XDG_RUNTIME_DIR: directory } };
}

/** `foo.service` and uid 1000 of `user@1000.service/foo.service`; null for the name of a unit of the host. */
export function userUnit(name: string): { readonly uid: number; readonly unit: string } | null {
  const [, uid, unit] = /^user@([0-9]{1,10})\.service\/([^/]+)$/.exec(name) ?? [];
  return uid === undefined || unit === undefined ? null : { uid: Number(uid), unit };
}
