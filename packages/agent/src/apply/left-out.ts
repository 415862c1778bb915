import type { Plan, Step } from "@afterpatch/core/plan/types";
import type { Finding, Scan } from "@afterpatch/core/scan";
import { isOld } from "../render/owners.ts";
import { plural } from "../render/words.ts";
import { isUser, type Selection } from "./select.ts";

/** Something that was named on the command line, or uses a library that was, and that no step is taken for. */
export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

/** Why nothing is done, or not all, for what was asked for by name: silence would pass for "it is clean". */
export function leftOut(
  { findings }: Pick<Scan, "findings">,
  plan: Plan,
  selection: Selection,
  chosen: readonly Step[],
): readonly LeftOut[] {
  const old = findings.filter(isOld);
  const taken = new Set(chosen.flatMap((step) => step.findings));
  const whyNot = (finding: Finding) => reasonOf(finding, plan);
  const { units, services, applications, users } = selection;
  const ofNames = [...units, ...services, ...applications].flatMap((name): readonly LeftOut[] => {
    const own = old.filter(({ owner, remedy }) => owner.name === name || remedy.target === name);
    if (own.length === 0) return [{ name, reason: "Nothing of it runs old code." }];
    return distinct(own.filter(({ id }) => !taken.has(id)).map((finding) => ({ name, reason: whyNot(finding) })));
  });
  if (users === null) return ofNames;
  if (users.old.size === 0) {
    const reason = `Of ${plural(users.count, "process that has", "processes that have")} it mapped, none has an old copy.`;
    return [...ofNames, { name: users.asked, reason }];
  }
  const rest = old.filter((finding) => isUser(finding, selection) && !taken.has(finding.id));
  const said = new Set(ofNames.map(({ name }) => name));
  return [
    ...ofNames,
    ...distinct(
      rest.flatMap((finding) =>
        said.has(finding.owner.name) ? [] : [{ name: finding.owner.name, reason: whyNot(finding) }],
      ),
    ),
  ];
}

function reasonOf({ id, remedy }: Finding, { steps }: Plan): string {
  const step = steps.find(({ findings }) => findings.includes(id));
  return step ? `Left out by what was asked for: it needs ${step.remedy.kind} ${step.remedy.target}.` : remedy.reason;
}

function distinct(entries: readonly LeftOut[]): readonly LeftOut[] {
  return [...new Map(entries.map((entry) => [JSON.stringify(entry), entry])).values()];
}
