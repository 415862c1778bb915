import type { Finding, Scan } from "../scan.ts";

/** What a changelog said of one finding and one CVE id. */
export type Told = "named" | "not-named" | "unknown";

/** A finding is named where one of its files is; where none is, one of which no changelog could tell leaves it open. */
export function toldOf({ files }: Finding, id: string): Told {
  if (files.some(({ cves }) => cves?.includes(id))) return "named";
  const isUntold = files.some(({ cves, verdict }) => cves === null && verdict !== "identical");
  return isUntold ? "unknown" : "not-named";
}

/** The scan with the findings alone that a CVE was fixed in since. Those of which nobody can tell are counted in a note. */
export function ofCve(scan: Scan, id: string): Scan {
  const findings = scan.findings.filter((finding) => toldOf(finding, id) === "named");
  const unknown = scan.findings.filter((finding) => toldOf(finding, id) === "unknown").length;
  const notes = [
    ...(unknown > 0
      ? [
          `${id}: no changelog tells of ${unknown} other ${unknown === 1 ? "finding" : "findings"} whether it was fixed there`,
        ]
      : []),
    ...scan.notes,
  ];
  return { ...scan, findings, notes };
}
