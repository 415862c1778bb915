import { visible } from "@afterpatch/core/text";
import type { NextWindowsResponse } from "../connection.ts";
import { type HoldDocument, holdDocument } from "./holds.ts";

/** `afterpatch.windows/v1`. */
export interface WindowsDocument {
  readonly schema: "afterpatch.windows/v1";
  /** The controller's clock, which decides. */
  readonly now: number;
  readonly fleetFreeze: HoldDocument | null;
  readonly hours: readonly HoursDocument[];
}

export interface HoursDocument {
  /** Null: of the file. */
  readonly rollout: string | null;
  readonly name: string;
  /** Hosts may begin now, as far as windows and freezes say. */
  readonly isOpen: boolean;
  readonly why: string;
  /** Null: nothing says when it closes; or it is closed. */
  readonly openUntil: number | null;
  /** There is no window: it is open but for freezes. */
  readonly isAlways: boolean;
  readonly next: readonly OpeningDocument[];
  /** Those that are not over. */
  readonly freezes: readonly CutDocument[];
}

export interface OpeningDocument {
  readonly from: number;
  readonly until: number;
  readonly tz: string;
  /** Null: as long before the end as hosts take. */
  readonly lastStart: number | null;
  readonly cutBy: readonly CutDocument[];
}

/** A freeze of the file. */
export interface CutDocument {
  readonly from: number;
  readonly until: number;
  readonly reason: string;
}

export function windowsDocument({ now, hours, fleetFreeze }: NextWindowsResponse): WindowsDocument {
  const freeze = holdDocument(fleetFreeze);
  return {
    ...{ schema: "afterpatch.windows/v1", now, fleetFreeze: freeze },
    hours: hours.map((one) => hoursDocument(one, freeze)),
  };
}

/** Of one rollout or file. */
export function hoursDocument(hours: NextWindowsResponse["hours"][number], freeze: HoldDocument | null): HoursDocument {
  const { rolloutId, name, closed, openUntil, isAlways, next, freezes } = hours;
  return {
    rollout: visible(rolloutId) || null,
    name: visible(name),
    isOpen: closed === "" && freeze === null,
    why: visible(closed),
    openUntil: openUntil === 0 ? null : openUntil,
    isAlways,
    next: next.map(({ from, until, tz, lastStart, cutBy }) => ({
      ...{ from, until, tz: visible(tz), lastStart: lastStart === 0 ? null : lastStart },
      cutBy: cutBy.map(cutDocument),
    })),
    freezes: freezes.map(cutDocument),
  };
}

function cutDocument({ from, until, reason }: { from: number; until: number; reason: string }): CutDocument {
  return { from, until, reason: visible(reason) };
}
