import { REMEDIES } from "@afterpatch/core/scan";
import type { WhyDocument, WhyFile } from "../look/why.ts";
import { ownerName, reasonWithCommand } from "./owners.ts";
import { plural, rows } from "./words.ts";

/** The evidence about one process, for a person. */
export function renderWhy(document: WhyDocument): string {
  const { pid, because, process, owner, files } = document;
  const old = files.filter(({ copy }) => copy !== "new");
  const same = files.filter(({ copy }) => copy === "new");
  const parts = [
    `pid ${pid}: ${because}`,
    process === null
      ? ""
      : rows([
          ["  program", process.executable],
          ["  command", process.command],
          ["  user", process.user],
          ["  since", `${new Date(process.startedAt).toISOString().replace("T", " ").slice(0, 19)} UTC`],
        ]).join("\n"),
    ...old.map(renderFile),
    same.length === 0
      ? ""
      : [`${plural(same.length, "file", "files")} as on the disk:`, ...rows(same.map(sameRow))].join("\n"),
    owner === null ? "" : `Owner: ${ownerName(owner)}\n  ${owner.rule}`,
    remedy(document),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function renderFile({ path, verdict, kind, buildId, image, package: from, cves, why, evidence }: WhyFile): string {
  const lines = [
    ...(image === undefined
      ? []
      : [
          ["  made of", `image ${image.running}`],
          ["  named now", image.named === null ? "no image on this host" : `image ${image.named}`],
        ]),
    ...(evidence === undefined && image === undefined
      ? [
          ["  in memory", buildId.mapped === null ? "no build-id known" : `build-id ${buildId.mapped}`],
          ["  on disk", onDisk(verdict, buildId.onDisk)],
        ]
      : evidence === undefined
        ? []
        : [["  by", evidence]]),
    ...(from === null
      ? []
      : [["  package", `${from.name}: ${from.from ?? "unknown"} in memory, ${from.to ?? "unknown"} on disk`]]),
    ...(cves === null || cves.length === 0 ? [] : [["  fixed", cves.join(", ")]]),
    ...(why === null ? [] : [["  unknown", why]]),
  ];
  return [`${verdict ?? "new"} ${kind} ${path}`, ...rows(lines)].join("\n");
}

function onDisk(verdict: WhyFile["verdict"], buildId: string | null): string {
  if (verdict === "removed") return "no file at this path";
  return buildId === null ? "no build-id known" : `build-id ${buildId}`;
}

function sameRow({ path, verdict, buildId }: WhyFile): readonly string[] {
  return ["", verdict === "identical" ? "same content" : "same file", buildId.mapped?.slice(0, 12) ?? "-", path];
}

/** The remedy, and why nothing smaller. */
function remedy({ remedy: chosen, insteadOf }: WhyDocument): string {
  if (chosen === null) return "";
  const size = REMEDIES.indexOf(chosen.kind);
  const smaller = insteadOf.filter(({ kind }) => REMEDIES.indexOf(kind) < size);
  const head = chosen.automatic
    ? `Remedy: ${chosen.kind} ${chosen.target}`
    : `Remedy: ${chosen.kind === "none" ? "nothing automatic" : `${chosen.kind} ${chosen.target}, but not automatically`}`;
  const why =
    smaller.length === 0 || chosen.kind === "none"
      ? []
      : ["Why nothing smaller:", ...rows(smaller.map(({ kind, whyNot }) => [`  ${kind}`, whyNot]))];
  return [head, `  ${reasonWithCommand(chosen)}`, ...why].join("\n");
}
