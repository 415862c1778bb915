import type { FileReader, KeyPath, Range } from "../file-reader.ts";
import type { Command } from "../policy/types.ts";
import type { CheckInFile } from "./file.ts";
import type { CheckSpec, Probe } from "./spec.ts";

const TIMEOUT: Range = [1000, 3_600_000];
const DEFAULT_TIMEOUT_MS = 60_000;

/** What a check reads its parts with. */
export interface CheckReader extends Pick<FileReader, "wrong" | "duration"> {
  command(command: readonly string[], path: KeyPath): Command;
  url(text: string, path: KeyPath): void;
}

const KINDS = ["tcp", "http", "unit", "check", "command", "prometheus", "baseline"] as const;

export function checkOf(check: CheckInFile, path: KeyPath, reader: CheckReader): CheckSpec {
  const kinds = KINDS.filter((kind) => check[kind] !== undefined);
  if (kinds.length !== 1) reader.wrong(path, `needs one of ${KINDS.join(", ")}, and one alone`);
  const probe = probeOf(check, path, reader);
  return {
    name: check.name ?? nameOf(probe),
    probe,
    forMs: reader.duration(check.for, [...path, "for"], [0, 86_400_000], 0),
    timeoutMs: reader.duration(check.timeout, [...path, "timeout"], TIMEOUT, DEFAULT_TIMEOUT_MS),
  };
}

function probeOf(check: CheckInFile, path: KeyPath, reader: CheckReader): Probe {
  if (check.tcp !== undefined) return tcp(check.tcp, [...path, "tcp"], reader);
  if (check.http !== undefined) {
    const { url, expect = 200, contains = null } = check.http;
    reader.url(url, [...path, "http", "url"]);
    return { kind: "http", url, expect, contains };
  }
  if (check.unit !== undefined) return { kind: "unit", unit: check.unit };
  if (check.check !== undefined) return { kind: "check", check: check.check };
  if (check.command !== undefined) {
    return { kind: "command", command: reader.command(check.command, [...path, "command"]) };
  }
  if (check.prometheus !== undefined) {
    const { url, query, onError = "block" } = check.prometheus;
    reader.url(url, [...path, "prometheus", "url"]);
    return { kind: "prometheus", url, query, onError };
  }
  return { kind: "baseline", units: check.baseline?.units ?? true, ports: check.baseline?.ports ?? true };
}

/** `{host}:443`, `db.example.net:5432`, `[2001:db8::5]:22` */
function tcp(text: string, path: KeyPath, reader: CheckReader): Probe {
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[^:\s]+)):(?<port>[0-9]{1,5})$/.exec(text);
  const { v6, name, port } = match?.groups ?? {};
  if (match === null || Number(port) < 1 || Number(port) > 65_535) {
    reader.wrong(path, `${text} is not HOST:PORT, like {host}:443`);
  }
  return { kind: "tcp", host: v6 ?? name ?? "", port: Number(port ?? 0) };
}

function nameOf(probe: Probe): string {
  switch (probe.kind) {
    case "tcp":
      return `tcp ${probe.host}:${probe.port}`;
    case "http":
      return `http ${probe.url}`;
    case "unit":
      return `unit ${probe.unit}`;
    case "check":
      return `check ${probe.check}`;
    case "command":
      return `command ${probe.command[0]}`;
    case "prometheus":
      return `prometheus ${probe.query}`;
    case "baseline":
      return "baseline";
  }
}
