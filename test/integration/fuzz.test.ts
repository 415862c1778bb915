import { expect, test } from "vitest";
import { framesAtAController } from "../fuzz/campaign.ts";
import { damagedMessages } from "../fuzz/messages.ts";

// The short form of `npm run fuzz`.

test("damaged messages are refused or understood by every parser that a peer can reach", async () => {
  const { complaints, understood, messages } = await damagedMessages(60_000, 1);
  expect(complaints).toEqual([]);
  expect(understood).toBeGreaterThan(messages / 100); // damaged, and not noise alone
}, 60_000);

test("malformed frames end nothing but their connection, and change nothing", async () => {
  const { complaints, connections, connectionsRefused } = await framesAtAController(40_000, 1);
  expect(complaints).toEqual([]);
  expect(connectionsRefused).toBeLessThan(connections / 10); // they came as far as the frames
}, 120_000);
