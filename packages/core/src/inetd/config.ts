import type { XinetdService } from "../xinetd/config.ts";
import { portNumber, portsOf } from "../xinetd/ports.ts";
import { behindTcpd } from "../xinetd/tcpd.ts";

const TYPES = new Set(["stream", "dgram", "raw", "rdm", "seqpacket"]);
const MAX_ENTRIES = 4096;

/**
 * Services of inetd.conf(5) as openbsd-inetd and inetutils-inetd read it. `manager` is who reads it: inetd itself, or
 * xinetd with -inetd_compat. `services` is the text of /etc/services. A line that is no entry is skipped.
 */
export function inetdServices(text: string, services: string, manager: "xinetd" | "inetd"): readonly XinetdService[] {
  const ports = portsOf(services);
  const found: XinetdService[] = [];
  let address: string | null = null;
  for (const line of joined(text)) {
    const fields = line.split(/[ \t\r]+/).filter(Boolean);
    const [first = ""] = fields;
    // `ADDRESS:` alone holds for the entries that follow.
    if (fields.length === 1 && first.endsWith(":")) address = addressOf(first.slice(0, -1));
    const entry = fields.length >= 6 ? entryOf(fields, address, ports) : null;
    if (entry) found.push({ ...entry, manager });
    if (found.length >= MAX_ENTRIES) break;
  }
  return found;
}

/** Lines without comments; one that begins with a blank goes on with the entry before it. */
function joined(text: string): readonly string[] {
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) continue;
    const before = lines.at(-1);
    if (/^[ \t]/.test(line) && before !== undefined) lines[lines.length - 1] = `${before} ${line}`;
    else lines.push(line);
  }
  return lines;
}

function entryOf(
  fields: readonly string[],
  defaultAddress: string | null,
  ports: ReadonlyMap<string, number>,
): Omit<XinetdService, "manager"> | null {
  const [full = "", type = "", protocol = "", wait = "", , server = "", argv0] = fields;
  if (!TYPES.has(type) || !/^(?:no)?wait(?:[./:][0-9]+)?$/.test(wait)) return null;
  const transport = /^(?:rpc\/)?(tcp|udp)(?:4|6|46|6only)?$/.exec(protocol)?.[1];
  if (transport !== "tcp" && transport !== "udp") return null;
  const { name, address } = nameOf(full);
  if (name === "") return null;
  const isRpc = protocol.startsWith("rpc/");
  const isFixed = !isRpc && !name.startsWith("tcpmux/");
  return {
    id: isRpc ? name.replace(/\/.*$/, "") : name.replace(/^tcpmux\/\+?/, ""),
    name,
    enabled: true,
    protocol: transport,
    port: isFixed ? (portNumber(name) ?? ports.get(`${name}/${transport}`) ?? null) : null,
    bind: address === undefined ? defaultAddress : address,
    wait: wait.startsWith("wait"),
    server: server === "internal" ? null : behindTcpd(server, argv0),
    forked: server === "internal",
  };
}

/** `[ADDRESS:]NAME`; an address of `*` is any. Undefined where none is said. */
function nameOf(full: string): { readonly name: string; readonly address?: string | null } {
  const colon = full.lastIndexOf(":");
  if (colon < 0) return { name: full };
  return { name: full.slice(colon + 1), address: addressOf(full.slice(0, colon)) };
}

/** Null for any address, and for a list of them: then the port decides. */
function addressOf(text: string): string | null {
  const plain = text.replace(/^\[(.*)\]$/, "$1");
  return plain === "*" || plain === "" || plain.includes(",") ? null : plain;
}
