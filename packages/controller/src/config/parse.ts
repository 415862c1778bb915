import { isAbsolute } from "node:path";
import { inOrder, type Mistake } from "@afterpatch/config/mistake";
import { schemaProblemsOf } from "@afterpatch/config/schema";
import { documentOf, located } from "@afterpatch/config/yaml";
import { EVENT_TYPES, isEventType } from "@afterpatch/core/fleet/events";
import { nearest } from "@afterpatch/core/fleet/nearest";
import { formatDuration } from "@afterpatch/core/duration";
import { FileReader, type KeyPath, type Problem, type Range } from "@afterpatch/core/file-reader";
import schema from "../../../../docs/controller.schema.json" with { type: "json" };
import type { Retention } from "../store/pruning.ts";
import { addressOf, isHooksDir } from "./address.ts";
import { DEFAULT_CONFIG, type FleetWebhook, type FromFile, TOLD } from "./config.ts";
import type { ControllerFile, WebhookInFile } from "./file.ts";

const schemaProblems = schemaProblemsOf(schema, "docs/controller.schema.json");

export type Parsed =
  | { readonly kind: "file"; readonly file: FromFile }
  /** By line, at least one. */
  | { readonly kind: "invalid"; readonly mistakes: readonly Mistake[] };

const REPORT_INTERVAL: Range = [10_000, 7 * 86_400_000];
const KEPT: Range = [86_400_000, 3650 * 86_400_000];
const LOST_AFTER: Range = [20_000, 30 * 86_400_000];

/** The text of the controller's file, understood; or every mistake in it. */
export function parseControllerFile(text: string): Parsed {
  const document = documentOf(text);
  if (document.mistakes.length > 0) return { kind: "invalid", mistakes: inOrder(document.mistakes) };
  // A file of comments alone changes nothing.
  const value = document.value ?? {};
  const wrong = schemaProblems(value);
  if (wrong.length > 0) return { kind: "invalid", mistakes: inOrder(located(wrong, document)) };
  const problems: Problem[] = [];
  // The schema describes ControllerFile, and a test compares the two.
  const file = understood(value as ControllerFile, new FileReader(problems));
  if (problems.length > 0) return { kind: "invalid", mistakes: inOrder(located(problems, document)) };
  return { kind: "file", file };
}

function understood(file: ControllerFile, reader: FileReader): FromFile {
  const { listen, ports, hooksDir, reportInterval, lostAfter } = file;
  const address = listen === undefined ? undefined : addressOf(listen);
  if (address === null) reader.wrong(["listen"], "is no address; give one of this machine, without a port");
  if (hooksDir !== undefined && !isHooksDir(hooksDir)) reader.wrong(["hooksDir"], "is not an absolute path");
  const reportIntervalMs = reader.duration(
    reportInterval,
    ["reportInterval"],
    REPORT_INTERVAL,
    DEFAULT_CONFIG.reportIntervalMs,
  );
  const lostAfterMs = reader.duration(lostAfter, ["lostAfter"], LOST_AFTER, 2 * reportIntervalMs);
  // With their jitter agents report up to a tenth later than the interval says.
  if (lostAfterMs < 1.5 * reportIntervalMs) {
    const least = formatDuration(1.5 * reportIntervalMs);
    reader.wrong(["lostAfter"], `has to be one and a half report intervals at least, ${least}`);
  }
  return {
    listen: address ?? undefined,
    ports: { fleet: ports?.fleet, enrol: ports?.enrol, http: ports?.http },
    hooksDir,
    config: {
      reportIntervalMs,
      lostAfterMs,
      webhooks: webhooksOf(file.webhooks ?? [], reader),
      retention: retentionOf(file, reader),
    },
  };
}

function retentionOf({ retention = {} }: ControllerFile, reader: FileReader): Retention {
  const { reportsMs, reportsPerHost, eventsMs, mostEvents } = DEFAULT_CONFIG.retention;
  return {
    reportsMs: reader.duration(retention.reports, ["retention", "reports"], KEPT, reportsMs),
    reportsPerHost: retention.reportsPerHost ?? reportsPerHost,
    eventsMs: reader.duration(retention.events, ["retention", "events"], KEPT, eventsMs),
    mostEvents: retention.mostEvents ?? mostEvents,
  };
}

function webhooksOf(webhooks: readonly WebhookInFile[], reader: FileReader): readonly FleetWebhook[] {
  const seen = new Set<string>();
  return webhooks.map(({ url, on, secretFile, oldSecretFile }, index) => {
    const path = (key: string): KeyPath => ["webhooks", index, key];
    const parsed = URL.parse(url);
    if (parsed === null || !["http:", "https:"].includes(parsed.protocol))
      reader.wrong(path("url"), "is no address that begins with http:// or https://");
    else if (parsed.username !== "" || parsed.password !== "")
      reader.wrong(path("url"), "has a password in it; sign with secretFile");
    if (seen.has(url)) reader.wrong(path("url"), "is a webhook already");
    seen.add(url);
    for (const [nth, type] of (on ?? []).entries()) {
      if (isEventType(type) || KINDS.has(type)) continue;
      const near = nearest(type, [...EVENT_TYPES, ...KINDS])[0];
      const todo = near === undefined ? "docs/events.md has them" : `did you mean ${near}?`;
      reader.wrong([...path("on"), nth], `${type} is no type of event; ${todo}`);
    }
    if (oldSecretFile !== undefined && secretFile === undefined)
      reader.wrong(path("oldSecretFile"), "needs secretFile, the one that takes its place");
    const files = { secretFile, oldSecretFile };
    for (const [key, file] of Object.entries(files))
      if (file !== undefined && !isAbsolute(file)) reader.wrong(path(key), "is not an absolute path");
    const secretFiles = Object.values(files).filter((file) => file !== undefined);
    return { url, on: on ?? TOLD, secretFiles };
  });
}

const KINDS: ReadonlySet<string> = new Set(["host.*", "rollout.*", "fleet.*", "controller.*"]);
