import { readFileSync } from "node:fs";
import { planOf } from "@afterpatch/core/plan/plan";
import { DEFAULT_REBOOT } from "@afterpatch/core/plan/reboot";
import type { Scan } from "@afterpatch/core/scan";
import { expect, test } from "vitest";
import { leftOut } from "./left-out.ts";
import { planText, requested } from "./plan-text.ts";
import { EVERYTHING, type Selection, select } from "./select.ts";

const CASE = new URL("../../../../test/cases/debian-12-libssl-and-imapd/findings.json", import.meta.url);
const HOST = JSON.parse(readFileSync(CASE, "utf8")) as Scan; // a case of ours

function shown(given: Partial<Selection>): string {
  const selection = { ...EVERYTHING, ...given };
  const plan = planOf(HOST, requested(selection), DEFAULT_REBOOT);
  const { chosen } = select(plan, selection, HOST);
  return planText(HOST, { plan, chosen, notDone: leftOut(HOST, plan, selection, chosen), how: DEFAULT_REBOOT });
}

test("a unit that is restarted on request is a step, and not left over beside it", () => {
  const text = shown({ units: ["systemd-logind.service"] });
  expect(text).toContain("1. restart-service systemd-logind.service\n");
  expect(text).not.toContain("Left over");
});

test("where it is not named it is left over", () => {
  const text = shown({ units: ["ssh.service"] });
  expect(text).toContain("1. restart-service ssh.service\n");
  expect(text).toContain("Left over, for a person:\n  systemd-logind.service (1 process): Only on request");
});
