import type { BudgetDocument, BudgetsDocument, GroupDocument } from "../documents/budgets.ts";
import type { Paint } from "../shell.ts";
import { holdText } from "./holds.ts";
import { counted, table } from "./table.ts";
import { age } from "./time.ts";

/** Each budget with its groups, and who is charged why. Groups of which nobody is charged are counted, unless wide. */
export function renderBudgets({ budgets }: BudgetsDocument, now: number, paint: Paint, isWide: boolean): string {
  if (budgets.length === 0) return "No budgets: no open rollout has one, and no file was given (-f FILE).\n";
  return budgets.map((budget) => renderBudget(budget, now, paint, isWide)).join("\n");
}

function renderBudget(budget: BudgetDocument, now: number, paint: Paint, isWide: boolean): string {
  const { rollout, name, groupLimit, groups } = budget;
  const limit = groupLimit === null ? "" : `; ${groupLimit.left} of ${counted(groupLimit.most, "group")} left`;
  const title = paint("bold", `${name}${rollout === null ? "" : ` (rollout ${rollout})`}${limit}`);
  const shown = groups.filter(
    ({ charged, writtenOff }) => isWide || charged.length > 0 || writtenOff.length > 0 || groups.length === 1,
  );
  const columns = ["GROUP", "HOSTS", "AT MOST", "CHARGED", "LEFT"].map((text, index) =>
    index === 0 ? { title: text } : { title: text, align: "right" as const },
  );
  const rows = shown.map(({ value, size, most, charged, left }) => [
    { text: value ?? "all" },
    { text: String(size) },
    { text: String(most) },
    { text: String(charged.length) },
    { text: String(left), colour: left === 0 ? ("red" as const) : undefined },
  ]);
  const free = groups.length - shown.length;
  const lines = [
    title,
    ...(rows.length > 0 ? [table(columns, rows, paint).trimEnd()] : []),
    ...(free > 0 ? [`${counted(free, "group")} with nobody charged`] : []),
    ...shown.flatMap((group) => chargedLines(group, now)),
  ];
  return `${lines.join("\n")}\n`;
}

function chargedLines({ charged, writtenOff }: GroupDocument, now: number): readonly string[] {
  return [
    ...charged.flatMap(({ host, causes }) =>
      causes.map(({ why, since }) => `  ${host}: ${why}, for ${age(since, now)}`),
    ),
    ...writtenOff.map(({ host, by }) => `  ${host}: not charged, written off${by === null ? "" : ` ${holdText(by)}`}`),
  ];
}
