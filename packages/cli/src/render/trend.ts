import type { TrendDocument } from "../documents/trend.ts";
import type { Colour, Paint } from "../shell.ts";
import { type Cell, table } from "./table.ts";
import { instant } from "./time.ts";

const WIDTH = 30;

/** A row for each hour or day. The bar: old code `#`, unknown `?`, clear `.`; no part that is not empty is left out. */
export function renderTrend({ by, buckets }: TrendDocument, paint: Paint): string {
  const most = Math.max(1, ...buckets.map(({ hosts }) => hosts));
  const columns = [
    { title: by === "day" ? "DAY" : "HOUR" },
    ...["HOSTS", "OLD CODE", "REBOOT", "UNKNOWN"].map((title) => ({ title, align: "right" as const })),
    { title: "OLD # UNKNOWN ? CLEAR ." },
  ];
  // Before the first host was enrolled there is nothing to see.
  const first = buckets.findIndex(({ hosts }) => hosts > 0);
  const rows = buckets.slice(Math.max(0, first)).map((bucket) => {
    const number = (count: number, colour: Colour): Cell => ({
      text: String(count),
      colour: count > 0 ? colour : undefined,
    });
    const { from, hosts, oldCode, unknown, reboot } = bucket;
    const at = by === "day" ? instant(from).slice(0, 10) : instant(from);
    const counts = [number(oldCode, "red"), number(reboot.required, "red"), number(unknown, "yellow")];
    return [{ text: at }, { text: String(hosts) }, ...counts, { text: barOf(bucket, most) }];
  });
  return buckets.length === 0 ? "There is no time in that.\n" : table(columns, rows, paint);
}

function barOf({ oldCode, unknown, clear }: TrendDocument["buckets"][number], most: number): string {
  const cells = (count: number) => (count === 0 ? 0 : Math.max(1, Math.round((count * WIDTH) / most)));
  return "#".repeat(cells(oldCode)) + "?".repeat(cells(unknown)) + ".".repeat(cells(clear));
}
