import type { TrendResponse } from "../connection.ts";

/** `afterpatch.trend/v1`: the fleet at the end of each hour or day (UTC), by each host's last report in it. */
export interface TrendDocument {
  readonly schema: "afterpatch.trend/v1";
  readonly by: "day" | "hour";
  /** Oldest first, without gaps; the last one ends now. */
  readonly buckets: readonly {
    readonly from: number;
    readonly until: number;
    /** In the fleet at its end: `oldCode`, `clear` and `unknown` together. */
    readonly hosts: number;
    readonly oldCode: number;
    readonly clear: number;
    /** Without a report in it: nobody knows what they ran. */
    readonly unknown: number;
    readonly reboot: { readonly required: number; readonly notRequired: number; readonly unknown: number };
  }[];
}

export function trendDocument({ buckets }: TrendResponse, by: "day" | "hour"): TrendDocument {
  return {
    ...{ schema: "afterpatch.trend/v1", by },
    buckets: buckets.map(({ from, until, hosts, oldCode, reboot, unknown, rebootUnknown }) => ({
      ...{ from, until, hosts, oldCode, clear: hosts - oldCode - unknown, unknown },
      reboot: {
        required: reboot,
        notRequired: hosts - reboot - unknown - rebootUnknown,
        unknown: unknown + rebootUnknown,
      },
    })),
  };
}
