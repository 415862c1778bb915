import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { meteredFleet } from "./metered-fleet.ts";
import { temporaryDirectory } from "./programs.ts";

// The alert rules and the dashboard that come with it, held against what a controller really says, by Prometheus itself.

const DEPLOY = resolve(import.meta.dirname, "../../deploy");
const RULES = join(DEPLOY, "prometheus/afterpatch.rules.yml");
const TEXTFILE = /^afterpatch_(?:scan_timestamp_seconds|findings)$/;

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly annotations: Readonly<Record<string, string>>;
    }[];
  }[];
}
const rules = (parse(readFileSync(RULES, "utf8")) as Rules).groups.flatMap((group) => group.rules); // of the form above
const dashboard: { readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[] } =
  JSON.parse(readFileSync(join(DEPLOY, "grafana/afterpatch.json"), "utf8"));
const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

const missing = ["promtool", "prometheus"].filter((name) => spawnSync(name, ["--version"]).error !== undefined);
const isMissing = missing.length > 0;
const why = isMissing ? ` (skipped: no ${missing.join(", no ")})` : "";

test.skipIf(isMissing)(
  `promtool has nothing to say of the rules, and each fires when it should${why}`,
  () => {
    for (const args of [
      ["check", "rules", RULES],
      ["test", "rules", RULES.replace(/yml$/, "test.yml")],
    ]) {
      const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
      expect({ status, stderr, stdout }).toMatchObject({
        status: 0,
        stderr: "",
        stdout: expect.stringContaining("SUCCESS"),
      });
    }
  },
  120_000,
);

test("each rule has a test, a summary and a runbook that names a command", () => {
  const tested = readFileSync(RULES.replace(/yml$/, "test.yml"), "utf8");
  expect(rules.length).toBeGreaterThan(10);
  for (const { alert, annotations } of rules) {
    expect(tested).toContain(`name: ${alert} fires`);
    expect(annotations.summary).toMatch(/\w{3}.*\.$/);
    expect(annotations.runbook).toMatch(
      /'(?:afterpatch|afterpatch-agent|afterpatch-controller|systemctl|journalctl|df) /,
    );
  }
});

test.skipIf(isMissing)(
  `a Prometheus scrapes a controller, alerts fire, every query of the dashboard has an answer${why}`,
  async () => {
    const controller = await meteredFleet();
    const said = await (await fetch(`http://127.0.0.1:${controller.ports.http}/metrics`)).text();
    const known = new Set([...said.matchAll(/^# TYPE (\w+) /gm)].map(([, name = ""]) => name));
    const named = [...queries, ...rules.map(({ expr }) => expr)].flatMap(
      (text) => text.match(/\b(?:afterpatch|nodejs|process)_\w+/g) ?? [],
    );
    expect(named.filter((name) => !known.has(name) && !TEXTFILE.test(name))).toEqual([]);

    const ask = await prometheus(controller.ports.http);
    await expect
      .poll(() => ask("query?query=afterpatch_hosts_with_old_code"), { timeout: 60_000, interval: 200 })
      .toMatchObject({
        data: { result: [{ value: [expect.any(Number), "2"] }] },
      });
    const firing = async () => {
      const { data } = (await ask("alerts")) as {
        data: { alerts: { state: string; labels: Record<string, string> }[] };
      }; // its API
      return data.alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname);
    };
    await expect.poll(firing, { timeout: 60_000, interval: 200 }).toContain("AfterpatchHostQuarantined");
    for (const query of queries) {
      const text = query.replaceAll("$job", "afterpatch");
      expect(await ask(`query?query=${encodeURIComponent(text)}`)).toMatchObject({ status: "success" });
    }
  },
  150_000,
);

/** A Prometheus of its own on loopback, with the rules of `deploy`; asks its API. */
async function prometheus(target: number): Promise<(path: string) => Promise<unknown>> {
  const folder = await temporaryDirectory();
  const port = await freePort();
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [RULES],
    scrape_configs: [{ job_name: "afterpatch", static_configs: [{ targets: [`127.0.0.1:${target}`] }] }],
  };
  await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config)); // JSON is YAML
  const options = [
    "--config.file=prometheus.yml",
    "--storage.tsdb.path=data",
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = spawn("prometheus", options, { stdio: "ignore", cwd: folder });
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  // Not yet: nobody listens. The caller polls.
  return (path) =>
    fetch(`http://127.0.0.1:${port}/api/v1/${path}`)
      .then((answer) => answer.json())
      .catch(() => null);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  server.close();
  await once(server, "close");
  return port;
}
