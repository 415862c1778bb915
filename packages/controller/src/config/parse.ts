import { inOrder, type Mistake } from "@afterpatch/config/mistake";
import { schemaProblemsOf } from "@afterpatch/config/schema";
import { documentOf, located } from "@afterpatch/config/yaml";
import { formatDuration } from "@afterpatch/core/duration";
import { FileReader, type Problem, type Range } from "@afterpatch/core/file-reader";
import schema from "../../../../docs/controller.schema.json" with { type: "json" };
import { addressOf, isHooksDir } from "./address.ts";
import { DEFAULT_CONFIG, type FromFile } from "./config.ts";
import type { ControllerFile } from "./file.ts";

const schemaProblems = schemaProblemsOf(schema, "docs/controller.schema.json");

export type Parsed =
  | { readonly kind: "file"; readonly file: FromFile }
  /** By line, at least one. */
  | { readonly kind: "invalid"; readonly mistakes: readonly Mistake[] };

const REPORT_INTERVAL: Range = [10_000, 7 * 86_400_000];
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
    config: { reportIntervalMs, lostAfterMs },
  };
}
