/** Where tcpd(8) of Debian looks for a daemon that is given without a path (REAL_DAEMON_DIR). */
const DAEMONS = "/usr/sbin";

/** What a connection ends up running: tcpd executes the daemon that its argv[0] names, in its own place. */
export function behindTcpd(server: string, argv0: string | undefined): string {
  if (!server.endsWith("/tcpd") || argv0 === undefined || argv0 === server) return server;
  return argv0.startsWith("/") ? argv0 : `${DAEMONS}/${argv0}`;
}
