import { formatDuration } from "@afterpatch/core/duration";
import type { BudgetDocument, ForecastDocument } from "../documents/forecast.ts";
import type { Paint } from "../shell.ts";
import { counted } from "./table.ts";

const MOST_HOSTS = 5;
const MOST_GROUPS = 20;

/** How long it takes, by what that is known, and whether the next window is long enough. */
export function forecastLines(forecast: ForecastDocument | null, paint: Paint, isWide: boolean): readonly string[] {
  if (forecast === null) return [];
  const { hosts, waves, totalMs, window } = forecast;
  const each = waves.length > 1 ? ` (${waves.map(({ name, ms }) => `${name} ${about(ms)}`).join(", ")})` : "";
  const lines = [`Takes about ${about(totalMs)}${each}, ${basisText(hosts)}`];
  const shown = hosts.slice(0, isWide ? hosts.length : MOST_HOSTS);
  if (hosts.length > 1) {
    const more = hosts.length > shown.length ? `, and ${hosts.length - shown.length} more` : "";
    lines.push(`Longest: ${shown.map(({ name, ms }) => `${name} ${about(ms)}`).join(", ")}${more}`);
  }
  if (window !== null && !window.fits) {
    const length = about(window.until - window.from);
    lines.push(paint("yellow", `It does not fit the next window of ${length}: the rest waits for the one after it`));
  } else if (window !== null) lines.push("It fits the next window");
  return lines;
}

function basisText(hosts: ForecastDocument["hosts"]): string {
  const of = (basis: string) => hosts.filter((host) => host.basis === basis).length;
  const [measured, like] = [of("measured"), of("like")];
  const guessed = hosts.length - measured - like;
  if (guessed === hosts.length) return "a guess: no rollout has been measured yet";
  const parts = [
    ...(measured > 0 ? [`measured on ${counted(measured, "host")}`] : []),
    ...(like > 0 ? [`taken from other hosts for ${like}`] : []),
    ...(guessed > 0 ? [`guessed for ${guessed}`] : []),
  ];
  return parts.join(", ");
}

/** `Budget zone: a 1 of 12, b 2 of 25` */
export function budgetLines(budgets: readonly BudgetDocument[]): readonly string[] {
  return budgets.map(({ name, groups, maxGroups }) => {
    const shown = groups
      .slice(0, MOST_GROUPS)
      .map(({ value, hosts, most }) => `${value === "" ? "" : `${value} `}${most} of ${hosts}`);
    const more = groups.length > MOST_GROUPS ? [`and ${groups.length - MOST_GROUPS} more`] : [];
    const most =
      maxGroups === null
        ? [...shown, ...more].join(", ")
        : `${counted(maxGroups, "group")} of ${groups.length} at once`;
    return `Budget ${name}: ${most}`;
  });
}

function about(ms: number): string {
  if (ms < 60_000) return formatDuration(Math.max(1, Math.round(ms / 1_000)) * 1_000);
  return formatDuration(Math.round(ms / 60_000) * 60_000);
}
