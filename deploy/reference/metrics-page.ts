import { FAMILIES } from "@afterpatch/agent/render/openmetrics";
import { Counts } from "@afterpatch/controller/metrics/counts";
import { watchFleet } from "@afterpatch/controller/metrics/fleet";
import { Metrics, type Tell } from "@afterpatch/controller/metrics/metrics";
import { watchRollouts } from "@afterpatch/controller/metrics/rollouts";
import { watchRunning } from "@afterpatch/controller/metrics/running";
import { code, page, plain, table } from "./markdown.ts";

interface Family {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly labels: readonly string[];
  readonly help: string;
}

/** Takes notes of what is made, and is never asked for it. */
class NotedMetrics extends Metrics {
  readonly families: Family[] = [];

  override gauge(name: string, help: string, labels: readonly string[] = []): Tell {
    this.families.push({ name, type: "gauge", labels, help });
    return super.gauge(name, help, labels);
  }

  override total(name: string, help: string, labels: readonly string[] = []): Tell {
    this.families.push({ name, type: "counter", labels, help });
    return super.total(name, help, labels);
  }

  override histogram(name: string, help: string, buckets: readonly number[]): (value: number) => void {
    this.families.push({ name, type: "histogram", labels: [], help });
    return super.histogram(name, help, buckets);
  }
}

/** Every metric of the controller and of an agent's scan. */
export function metricsPage(): string {
  const metrics = new NotedMetrics();
  const nothing = {} as never; // what metrics are told from is looked at when somebody asks for them
  new Counts(metrics);
  watchFleet(metrics, nothing);
  watchRollouts(metrics, nothing);
  watchRunning(metrics, nothing);
  const agent = Object.entries(FAMILIES).map(
    ([name, { help, labels }]): Family => ({ name: `afterpatch_${name}`, type: "gauge", labels, help }),
  );
  return page("Metrics", "the code that tells them", [
    "[metrics.md](../metrics.md) explains how they are scraped, and has alerts and a dashboard.",
    "",
    "## Of the controller",
    "",
    ...familyTable(metrics.families),
    "## Of an agent's scan",
    "",
    "`afterpatch-agent scan --format openmetrics`.",
    "",
    ...familyTable(agent),
  ]);
}

function familyTable(families: readonly Family[]): readonly string[] {
  return table(
    ["metric", "type", "labels", "meaning"],
    families
      .toSorted((a, b) => a.name.localeCompare(b.name, "en"))
      .map(({ name, type, labels, help }) => [code(name), type, labels.join(", "), plain(help)]),
  );
}
