import { parseEntries, type XinetdFiles } from "./entries.ts";
import { portNumber, portsOf } from "./ports.ts";
import { behindTcpd } from "./tcpd.ts";

/** One service of a super-server's configuration that may have sessions. */
export interface XinetdService {
  /** Who starts its sessions; inetd has the configuration of core/inetd. */
  readonly manager: "xinetd" | "inetd";
  /** `id`, else the service's name; what end-session takes as its target. */
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly protocol: "tcp" | "udp";
  /** Null where it is not fixed (RPC, TCPMUX) or not known to /etc/services. */
  readonly port: number | null;
  readonly bind: string | null;
  readonly wait: boolean;
  /** Program that a connection ends up running, behind tcpd too; null for `redirect` and internal services. */
  readonly server: string | null;
  /** What the super-server itself executes, where that is another program: tcpd. Absent: `server`. */
  readonly via?: string;
  /** Served by a fork of xinetd itself. */
  readonly forked: boolean;
}

/** Attributes of one entry: first value wins for those that may be given once. Names and values as xinetd compares them. */
export type Attributes = ReadonlyMap<string, readonly string[]>;

/**
 * Services of xinetd's configuration, from `path` on. `services` is the text of /etc/services. An entry that xinetd
 * itself would drop (no socket_type, no port to be found for a plain service) is kept as disabled when it has a port.
 */
export function xinetdServices(path: string, files: XinetdFiles, services: string): readonly XinetdService[] {
  const { defaults, entries } = parseEntries(path, files);
  const ports = portsOf(services);
  const off = new Set(defaults.get("disabled") ?? []);
  const on = defaults.has("enabled") ? new Set(defaults.get("enabled")) : null;
  const seen = new Set<string>();
  return entries.map(({ name, attributes }) => {
    const service = serviceOf(name, attributes, defaults, ports);
    const isOn = service.enabled && (on === null || on.has(service.id)) && !off.has(service.id);
    // Of two entries that are alike in all of this xinetd drops the later one.
    const key = JSON.stringify([service.id, service.protocol, service.port, service.bind]);
    const enabled = isOn && isComplete(attributes) && !seen.has(key);
    if (enabled) seen.add(key);
    return { ...service, enabled };
  });
}

/** Whether xinetd would start it: what it must have, with values that xinetd takes. Another value disables the service. */
function isComplete(attributes: Attributes): boolean {
  const word = (attribute: string) => attributes.get(attribute)?.[0]?.toLowerCase();
  const types = (attributes.get("type") ?? []).map((type) => type.toLowerCase());
  const yesOrNo = (value: string | undefined) => value === "yes" || value === "no";
  if (!["stream", "dgram", "raw", "seqpacket"].includes(word("socket_type") ?? "")) return false;
  if (!yesOrNo(word("wait")) || !yesOrNo(word("disable") ?? "no")) return false;
  if (!types.every((type) => TYPES.has(type))) return false;
  const hasServer = attributes.has("server") || attributes.has("redirect") || types.includes("internal");
  const isListed = !types.includes("unlisted") || attributes.has("port") || types.includes("rpc");
  return hasServer && isListed;
}

const TYPES = new Set(["rpc", "internal", "unlisted", "special", "tcpmux", "tcpmuxplus"]);

function serviceOf(
  name: string,
  attributes: Attributes,
  defaults: Attributes,
  ports: ReadonlyMap<string, number>,
): XinetdService {
  const word = (attribute: string) => attributes.get(attribute)?.[0]?.toLowerCase();
  const types = (attributes.get("type") ?? []).map((type) => type.toLowerCase());
  const protocol = protocolOf(word("protocol"), word("socket_type"));
  const isInternal = types.includes("internal");
  const isRedirect = attributes.has("redirect");
  const bind =
    attributes.get("bind") ?? attributes.get("interface") ?? defaults.get("bind") ?? defaults.get("interface");
  const isFixed = !types.includes("rpc") && !types.includes("tcpmux") && !types.includes("tcpmuxplus");
  const server = attributes.get("server")?.[0];
  // With NAMEINARGS the first argument is argv[0], which is what tcpd starts.
  const isNamed = (attributes.get("flags") ?? []).some((flag) => flag.toLowerCase() === "nameinargs");
  const argv0 = isNamed ? attributes.get("server_args")?.[0] : undefined;
  const program = isInternal || isRedirect || server === undefined ? null : behindTcpd(server, argv0);
  return {
    manager: "xinetd",
    id: attributes.get("id")?.[0] ?? name,
    name,
    enabled: word("disable") !== "yes",
    protocol,
    port: isFixed ? (portNumber(word("port")) ?? ports.get(`${name}/${protocol}`) ?? null) : null,
    bind: bind?.[0] ?? null,
    wait: word("wait") === "yes",
    server: program,
    ...(program === null || server === undefined || program === server ? {} : { via: server }),
    forked: isInternal || isRedirect,
  };
}

function protocolOf(protocol: string | undefined, socketType: string | undefined): "tcp" | "udp" {
  if (protocol) return protocol.startsWith("udp") ? "udp" : "tcp";
  return socketType === "dgram" ? "udp" : "tcp";
}
