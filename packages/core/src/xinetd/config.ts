/** One service of xinetd's configuration that may have sessions. */
export interface XinetdService {
  /** `id`, else the service's name; what end-session takes as its target. */
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly protocol: "tcp" | "udp";
  /** Null where it is not fixed (RPC, TCPMUX) or not known to /etc/services. */
  readonly port: number | null;
  readonly bind: string | null;
  readonly wait: boolean;
  /** Program that a connection starts; null for `redirect` and internal services. */
  readonly server: string | null;
  /** Served by a fork of xinetd itself. */
  readonly forked: boolean;
}
