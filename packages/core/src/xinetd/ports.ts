export function portNumber(text: string | undefined): number | null {
  return text !== undefined && /^[0-9]{1,5}$/.test(text) && Number(text) < 65536 ? Number(text) : null;
}

/** `NAME/PROTOCOL` to port, of services(5); the first line counts, aliases too. */
export function portsOf(text: string): ReadonlyMap<string, number> {
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
