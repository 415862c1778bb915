import { expect, test } from "vitest";
import { type HeardSpan, type Membership, trendOf } from "./trend.ts";

const H = 3_600_000;
const span = (hostId: string, since: number, heardAt: number, hasOldCode: boolean, reboot: boolean | null = false) => ({
  ...{ hostId, hasOldCode, reboot },
  ...{ since: since * H, heardAt: heardAt * H },
});
const member = (hostId: string, from: number, until: number | null = null): Membership => ({
  hostId,
  from: from * H,
  until: until === null ? null : until * H,
});

/** `hosts/old/reboot/unknown` of each hour from 10:00 to 13:30. */
function hours(members: readonly Membership[], spans: readonly HeardSpan[]): readonly string[] {
  const buckets = trendOf(members, spans, { from: 10.2 * H, now: 13.5 * H, byMs: H });
  expect(buckets.map(({ from }) => from / H)).toEqual([10, 11, 12, 13]);
  expect(buckets.at(-1)?.until).toBe(13.5 * H);
  return buckets.map(({ hosts, oldCode, reboot, unknown }) => `${hosts}/${oldCode}/${reboot}/${unknown}`);
}

test.each<[string, readonly Membership[], readonly HeardSpan[], readonly string[]]>([
  ["no fleet", [], [], ["0/0/0/0", "0/0/0/0", "0/0/0/0", "0/0/0/0"]],
  [
    "one that was mended at noon",
    [member("a", 1)],
    [span("a", 9, 11.8, true), span("a", 12.1, 13.4, false)],
    ["1/1/0/0", "1/1/0/0", "1/0/0/0", "1/0/0/0"],
  ],
  [
    "the last word in an hour counts",
    [member("a", 1)],
    [span("a", 9, 11.2, false), span("a", 11.5, 13.4, true, true)],
    ["1/0/0/0", "1/1/1/0", "1/1/1/0", "1/1/1/0"],
  ],
  [
    "a silent hour is unknown, never fine, and never what was said before",
    [member("a", 1)],
    [span("a", 9, 10.9, true), span("a", 13.1, 13.2, false)],
    ["1/1/0/0", "1/0/0/1", "1/0/0/1", "1/0/0/0"],
  ],
  ["one that never reported", [member("a", 1)], [], ["1/0/0/1", "1/0/0/1", "1/0/0/1", "1/0/0/1"]],
  [
    "one that joined at 11:30",
    [member("a", 11.5)],
    [span("a", 11.6, 13.4, false)],
    ["0/0/0/0", "1/0/0/0", "1/0/0/0", "1/0/0/0"],
  ],
  [
    "one that was forgotten at 12:30",
    [member("a", 1, 12.5)],
    [span("a", 9, 12.4, true)],
    ["1/1/0/0", "1/1/0/0", "0/0/0/0", "0/0/0/0"],
  ],
  [
    "one of which nobody knows whether it needs a reboot",
    [member("a", 1)],
    [span("a", 9, 13.4, false, null)],
    ["1/0/0/0", "1/0/0/0", "1/0/0/0", "1/0/0/0"],
  ],
])("%s", (_name, members, spans, expected) => expect(hours(members, spans)).toEqual(expected));
