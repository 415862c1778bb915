import { X509Certificate } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Authority } from "../ca/authority.ts";
import type { Listener } from "../listen/listener.ts";
import type { Store } from "../store/store.ts";
import type { Metrics } from "./metrics.ts";

export interface Running {
  readonly dataDir: string;
  readonly store: Pick<Store, "figures">;
  readonly authority: Pick<Authority, "root" | "issuing">;
  readonly version: string;
  readonly listeners: readonly Listener[];
}

/** The controller itself: its version, its store, its ports, its CA. */
export function watchRunning(metrics: Metrics, { dataDir, store, authority, version, listeners }: Running): void {
  const build = metrics.gauge("afterpatch_controller_build_info", "Version of the controller and of its Node.", [
    "version",
    "node_version",
  ]);
  const size = metrics.gauge("afterpatch_store_size_bytes", "Size of the store's files.", ["file"]);
  const commits = metrics.total("afterpatch_store_commits_total", "Transactions that are on the disk.");
  const failures = metrics.total("afterpatch_store_failures_total", "Transactions that the store or its disk refused.");
  const seconds = metrics.total("afterpatch_store_commit_seconds_total", "Time that transactions took, all together.");
  const live = metrics.gauge("afterpatch_connections", "Connections that were let in and are open.", ["port"]);
  const refused = metrics.total("afterpatch_connections_refused_total", "Connections that were not let in.", ["port"]);
  const ends = metrics.gauge("afterpatch_ca_end_timestamp_seconds", "When a certificate of the private CA ends.", [
    "certificate",
  ]);
  metrics.add(async () => {
    const database = join(dataDir, "controller.db");
    build([[{ version, node_version: process.versions.node }, 1]]);
    size([
      [{ file: "database" }, await sizeOf(database)],
      [{ file: "log" }, await sizeOf(`${database}-wal`)],
    ]);
    const told = store.figures.commits();
    commits([[{}, told.done]]);
    failures([[{}, told.failed]]);
    seconds([[{}, told.seconds]]);
    const ports = listeners.map((listener) => listener.figures());
    live(ports.map((port) => [{ port: port.name }, port.live]));
    refused(ports.map((port) => [{ port: port.name }, port.refused]));
    ends([
      [{ certificate: "root" }, endOf(authority.root)],
      [{ certificate: "issuing" }, endOf(authority.issuing())],
    ]);
  });
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => null); // the log is not there before the first write
  return found?.size ?? 0;
}

function endOf(pem: string): number {
  return new X509Certificate(pem).validToDate.getTime() / 1000;
}
