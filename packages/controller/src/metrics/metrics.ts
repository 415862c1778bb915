import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, type RegistryContentType } from "prom-client";

/** One sample: its labels and its value. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Says what a metric is from now on; what was there before is gone. */
export type Tell = (samples: readonly Sample[]) => void;

/** What the controller says of itself and its fleet to whoever watches it: asked for when somebody does, and not before. */
export class Metrics {
  readonly #registry = new Registry<RegistryContentType>();
  readonly #collectors: (() => Promise<void> | void)[] = [];
  #tail: Promise<unknown> = Promise.resolve();

  constructor() {
    // It asks for types of one content type alone; the registry is asked for either.
    collectDefaultMetrics({ register: this.#registry as Registry });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
  }

  gauge(name: string, help: string, labelNames: readonly string[] = []): Tell {
    const gauge = new Gauge({ name, help, labelNames, registers: [this.#registry] });
    return (samples) => {
      gauge.reset();
      // One without labels is 0 after a reset; what is not known is absent.
      if (samples.length === 0 && labelNames.length === 0) gauge.remove();
      for (const [labels, value] of samples) gauge.set(labels, value);
    };
  }

  /** A count that somebody else keeps; it only grows while the controller runs. */
  total(name: string, help: string, labelNames: readonly string[] = []): Tell {
    const counter = new Counter({ name, help, labelNames, registers: [this.#registry] });
    return (samples) => {
      counter.reset();
      for (const [labels, value] of samples) counter.inc(labels, value);
    };
  }

  /** Takes one measurement after the other; `buckets` are upper bounds. */
  histogram(name: string, help: string, buckets: readonly number[]): (value: number) => void {
    const histogram = new Histogram({ name, help, buckets: [...buckets], registers: [this.#registry] });
    return (value) => histogram.observe(value);
  }

  /** `collect` is called before each answer, and says what it knows to the metrics that it has made. */
  add(collect: () => Promise<void> | void): void {
    this.#collectors.push(collect);
  }

  /** Everything, as text. One asker at a time: two would see each other's half. */
  text(isOpenMetrics: boolean): Promise<{ readonly contentType: string; readonly body: string }> {
    const answer = this.#tail.then(async () => {
      for (const collect of this.#collectors) await collect();
      const registry = this.#registry;
      registry.setContentType(isOpenMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE);
      const body = await registry.metrics();
      return { contentType: registry.contentType, body };
    });
    this.#tail = answer.catch(() => {}); // who asked hears of it
    return answer;
  }
}

/** Of prom-client's own: gauges whose names end in `_total`, which promtool refuses; the same without it is there too. */
const MISNAMED = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
] as const;
