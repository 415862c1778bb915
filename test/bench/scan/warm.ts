import { createInterface } from "node:readline";
import { inventoryIn } from "@afterpatch/agent/host/packages/inventory";
import { scanHost } from "@afterpatch/agent/host/scan";

// A process that lives on, as the agent does: one full scan per line of its input, and what each cost.

const inventory = inventoryIn(process.argv[2] ?? "");
for await (const _line of createInterface({ input: process.stdin })) {
  const began = performance.now();
  const before = process.cpuUsage();
  const { findings } = scanHost({ hostId: null, name: "bench", now: Date.now, inventory });
  const { user, system } = process.cpuUsage(before);
  const wallMs = performance.now() - began;
  const peakMb = process.memoryUsage.rss() / 1024 / 1024;
  const stale = findings.flatMap((finding) => finding.process?.pid ?? []);
  process.stdout.write(`${JSON.stringify({ cpuMs: (user + system) / 1000, wallMs, peakMb, stale })}\n`);
}
