import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostFacts, ProcessFacts } from "@afterpatch/core/facts";
import { build } from "esbuild";
import { execOk, type Host } from "../host.ts";
import type { Made, Scenario } from "./scenario.ts";

/** The reader of the agent alone, which prints the facts of its host; put where hosts see it. */
export async function stageReader(directory: string): Promise<void> {
  const contents = `import { inventoryIn } from "@afterpatch/agent/host/packages/inventory";
    import { readHost } from "@afterpatch/agent/host/scan";
    const inventory = inventoryIn("/var/lib/afterpatch/agent");
    console.log(JSON.stringify(readHost({ hostId: null, name: "web01", now: Date.now, inventory })));`;
  await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: "ts" },
    ...{ bundle: true, platform: "node", format: "esm", outfile: join(directory, "fixtures/read-host.mjs") },
  });
}

export async function readFacts(host: Host): Promise<HostFacts> {
  const printed = await execOk(host, ["/opt/afterpatch/node", "/opt/afterpatch/fixtures/read-host.mjs"]);
  return JSON.parse(printed) as HostFacts; // printed by the reader above
}

/** Writes `NAME/facts.json` with what a scan of the host had to say of one scenario's processes. */
export async function capture(facts: HostFacts, scenario: Scenario, made: Made, folder: string): Promise<void> {
  const { name } = scenario;
  const about = `Captured on a lab host by npm run matrix -- --capture: ${name}: ${scenario.made}`;
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, "facts.json"), `${JSON.stringify({ about, ...part(facts, made) }, null, 2)}\n`);
}

/** Of the processes and those they are told by; of a container's kernel nothing is known. */
function part(facts: HostFacts, { old = [], current = [] }: Made): HostFacts {
  const { kernel: _kernel, notes: _notes, ...rest } = facts;
  const pids = new Set([...old, ...current]);
  const kept = facts.running.filter(({ pid }) => pids.has(pid));
  for (const { ppid, sid } of kept) {
    for (const pid of [ppid, sid]) {
      const relative = facts.running.find((process) => process.pid === pid);
      if (relative && !kept.includes(relative)) kept.push(relative);
    }
  }
  const used = [...new Set(kept.flatMap(({ pid, files }) => (pids.has(pid) ? files : [])))];
  const running = kept
    .toSorted((a, b) => a.pid - b.pid)
    .map((process): ProcessFacts => {
      const files = pids.has(process.pid) ? process.files.map((index) => used.indexOf(index)) : [];
      return { ...process, files };
    });
  const count = running.length;
  return {
    ...rest,
    processes: { seen: count, scanned: count, vanished: 0, unreadable: 0 },
    unreadable: [],
    files: used.flatMap((index) => facts.files[index] ?? []),
    running,
    units: facts.units?.filter(({ id }) => running.some(({ cgroup }) => cgroup?.includes(stem(id)))) ?? null,
  };
}

/** `X` of `X.socket`, `X@.service` and `user@1000.service/X.service`: what triggers a unit has its name. */
function stem(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1).replace(/@?\.[a-z]+$/, "");
}
