import { table } from "@afterpatch/cli/render/table";
import { plain } from "@afterpatch/cli/shell";
import type { Finding, Scan } from "@afterpatch/core/scan";

/** Who runs old code on each host, by owner: how many processes before and after. Scans by host name. */
export function whoRunsOldCode(before: ReadonlyMap<string, Scan>, after: ReadonlyMap<string, Scan>): string {
  const columns = [
    { title: "HOST" },
    { title: "RUNS OLD CODE" },
    { title: "BEFORE", align: "right" },
    { title: "AFTER", align: "right" },
    { title: "" },
  ] as const;
  const rows = [...before].flatMap(([host, scan]) => {
    const [was, is] = [byOwner(scan), byOwner(after.get(host))];
    return [...new Set([...was.keys(), ...is.keys()])].map((owner) => {
      const left = is.get(owner) ?? [];
      const count = (findings: readonly Finding[]) => ({ text: String(findings.length) });
      const why = left[0] ? `stays: ${left[0].remedy.reason}` : "";
      return [{ text: host }, { text: owner }, count(was.get(owner) ?? []), count(left), { text: why }];
    });
  });
  return table(columns, rows, plain);
}

function byOwner(scan: Scan | undefined): ReadonlyMap<string, readonly Finding[]> {
  return Map.groupBy(scan?.findings ?? [], ({ owner }) =>
    owner.kind === "service" ? owner.name : `${owner.name} (${owner.kind})`,
  );
}
