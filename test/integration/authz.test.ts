import { expect, test } from "vitest";
import { underLoad } from "../authz/load.ts";
import { authorisationMatrix, unexpected } from "../authz/matrix.ts";

test("every method by every identity at both ports: nobody is let in who should not be, and nobody else is refused", async () => {
  const cells = await authorisationMatrix();
  expect(unexpected(cells)).toEqual([]);
  // Each let in somewhere and refused somewhere: a test of an empty table would be no test.
  const methods = new Set(cells.map(({ method }) => method));
  for (const method of methods)
    for (const isLetIn of [true, false])
      expect([method, isLetIn, cells.some((cell) => cell.method === method && cell.isLetIn === isLetIn)]).toEqual([
        method,
        isLetIn,
        true,
      ]);
  expect(new Set(cells.map(({ somebody }) => somebody)).size).toBeGreaterThanOrEqual(12);
}, 60_000);

test("under load whoever is revoked is cut at once and stays out, others stay and renew", async () => {
  const done = await underLoad(60);
  expect(done).toMatchObject({ revoked: 20, cameBack: 0, renewals: 40, renewalsFailed: 0, lostStreams: 0 });
  expect(done.slowestCutMs).toBeLessThan(10_000); // not by some timeout
}, 60_000);
