import { parseEntries, type XinetdFiles } from "./entries.ts";

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
  return entries.map(({ name, attributes }) => {
    const service = serviceOf(name, attributes, defaults, ports);
    const enabled = service.enabled && (on === null || on.has(service.id)) && !off.has(service.id);
    return { ...service, enabled };
  });
}

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
  return {
    id: attributes.get("id")?.[0] ?? name,
    name,
    enabled: word("disable") !== "yes",
    protocol,
    port: isFixed ? (portNumber(word("port")) ?? ports.get(`${name}/${protocol}`) ?? null) : null,
    bind: bind?.[0] ?? null,
    wait: word("wait") === "yes",
    server: isInternal || isRedirect ? null : (attributes.get("server")?.[0] ?? null),
    forked: isInternal || isRedirect,
  };
}

function protocolOf(protocol: string | undefined, socketType: string | undefined): "tcp" | "udp" {
  if (protocol) return protocol.startsWith("udp") ? "udp" : "tcp";
  return socketType === "dgram" ? "udp" : "tcp";
}

function portNumber(text: string | undefined): number | null {
  return text !== undefined && /^[0-9]{1,5}$/.test(text) ? Number(text) : null;
}

/** `NAME/PROTOCOL` to port, of services(5); the first line counts, aliases too. */
function portsOf(text: string): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name, portAndProtocol = "", ...aliases] = (line.split("#", 1)[0] ?? "").trim().split(/[ \t]+/);
    const [port, protocol] = portAndProtocol.split("/");
    const number = portNumber(port);
    if (!name || number === null) continue;
    for (const alias of [name, ...aliases]) {
      const key = `${alias}/${protocol}`;
      if (!ports.has(key)) ports.set(key, number);
    }
  }
  return ports;
}
