import type { Cpu } from "./facts.ts";

type Read =
  | { readonly kind: "read"; readonly cpu: Omit<Cpu, "platform"> }
  | { readonly kind: "skipped"; readonly why: string };

const VENDORS: Readonly<Record<string, Cpu["vendor"]>> = { GenuineIntel: "intel", AuthenticAMD: "amd" };

/** Processors of /proc/cpuinfo as one: all of a machine are alike, and the one with the oldest microcode counts. */
export function parseCpus(text: string): Read {
  const vendor = VENDORS[field(text, "vendor_id") ?? ""];
  if (vendor === undefined) return { kind: "skipped", why: "the processor is neither Intel's nor AMD's" };
  if (/^flags\s*:.*\shypervisor(?:\s|$)/m.test(text)) {
    return { kind: "skipped", why: "it is a virtual machine, and its host loads the microcode" };
  }
  const [family, model, stepping] = ["cpu family", "model", "stepping"].map((name) =>
    Number(field(text, name) ?? Number.NaN),
  );
  const revisions = [...text.matchAll(/^microcode[ \t]*:[ \t]*0x([0-9a-f]{1,8})$/gim)].map(([, hex = ""]) =>
    Number.parseInt(hex, 16),
  );
  if (!isByte(family) || !isByte(model) || !isByte(stepping) || revisions.length === 0) {
    return { kind: "skipped", why: "the kernel does not tell the processor's revision" };
  }
  const revision = revisions.reduce((oldest, next) => Math.min(oldest, next));
  return { kind: "read", cpu: { vendor, family, model, stepping, revision } };
}

function field(text: string, name: string): string | undefined {
  return new RegExp(`^${name}[ \\t]*:[ \\t]*(.*?)[ \\t]*$`, "m").exec(text)?.[1];
}

function isByte(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= 0xff;
}
