import { type Build, compareBuilds } from "./build.ts";
import { type Kernels, kernelsOf } from "./expected.ts";
import type { KernelFacts } from "./facts.ts";
import { splitRelease } from "./release.ts";

/** The running kernel against the one that starts next. */
export interface KernelJudgement {
  readonly verdict: "current" | "outdated" | "unknown";
  /** Release of the kernel that starts next, or else of the newest one installed; null when neither is known. */
  readonly expected: string | null;
  /** Its image, for the finding; null where it is not known. */
  readonly image: string | null;
  /** The modules of the running kernel are gone, while others are there. */
  readonly modulesGone: boolean;
  /** Why a reboot is needed, one sentence each. */
  readonly reasons: readonly string[];
  /** What else a person should know, one sentence each: why it is not known, or what a reboot would not do. */
  readonly notes: readonly string[];
  /** Why nobody can say that this machine comes up well with what it would start next, as a sentence; null: that is known. */
  readonly doubt: string | null;
}

/** Never a reason to reboot where it is not known who starts the kernel: containers, cloud kernels, PXE. */
export function judgeKernel(facts: KernelFacts, running: string): KernelJudgement {
  if (facts.container !== null) return unknown(`it is a container (${facts.container}), and the kernel is its host's`);
  const kernels = kernelsOf(facts, running);
  const foreign = whyForeign(facts, running, kernels);
  if (foreign !== null) return unknown(foreign);
  const { expected, newest, next } = kernels;
  const notes = next.kind === "unknown" ? [guessed(next.why, facts)] : [];
  const modulesGone = hasNoModules(facts, running);
  const modules = modulesGone ? [goneModules(running)] : [];
  const release = expected?.release ?? newest;
  if (release === null) return withoutImages(facts, running, modules, notes);
  const image = expected?.image?.path ?? kernels.installed.get(release)?.[0]?.path ?? null;
  const about = { expected: release, image, modulesGone, doubt: doubtOf(release, running, kernels, facts) };
  if (expected && isMissing(expected.image === null, facts)) {
    const gone = `The boot loader would start ${release}, but its image is not there: a reboot may fail.`;
    return { ...about, verdict: "unknown", reasons: modules, notes: [...notes, gone], doubt: gone };
  }
  const kept = [...notes, ...pinned(release, kernels)];
  if (release !== running) return otherRelease(about, running, kernels, { modules, notes: kept });
  const build = compareBuilds(facts, running, expected?.image ?? kernels.installed.get(release)?.[0] ?? null);
  return sameRelease(about, running, build, { modules, notes: kept });
}

type About = Pick<KernelJudgement, "image" | "modulesGone" | "doubt"> & { readonly expected: string };
interface Sentences {
  readonly modules: readonly string[];
  readonly notes: readonly string[];
}

function unknown(why: string): KernelJudgement {
  const notes = [`Whether the running kernel is old is not known: ${why}.`];
  const doubt = `Which kernel a reboot would start is not known: ${why}.`;
  return { verdict: "unknown", expected: null, image: null, modulesGone: false, reasons: [], notes, doubt };
}

function guessed(why: string, facts: KernelFacts): string {
  return `The kernel that starts next is taken to be the newest one installed: ${whyUnknown(why, facts)}.`;
}

function whyUnknown(why: string, { unreadable: [first] }: KernelFacts): string {
  return why + (first ? ` (${first.path} could not be read: ${first.why})` : "");
}

export function goneModules(running: string): string {
  return `The modules of the running kernel ${running} are gone from /lib/modules: it cannot load any that it has not loaded yet.`;
}

/** Only where others have theirs: a kernel may be built without modules, and then no folder is there. */
function hasNoModules({ modules }: KernelFacts, release: string): boolean {
  return modules !== null && modules.length > 0 && !modules.includes(release);
}

/** A guess will do to say that a kernel is old, but not to start another one. */
function doubtOf(
  release: string,
  running: string,
  { next, order, installed }: Kernels,
  facts: KernelFacts,
): string | null {
  if (next.kind === "unknown") {
    return `Which kernel a reboot would start is not known: ${whyUnknown(next.why, facts)}.`;
  }
  if (hasNoModules(facts, release)) {
    return `A reboot would start ${release}, whose modules are not in /lib/modules: it might find neither its disks nor its network.`;
  }
  if (release === running) return null;
  if (splitRelease(release).flavour !== splitRelease(running).flavour) {
    return `A reboot would start ${release}, a kernel of another kind than the running ${running}.`;
  }
  if (order(running, release) <= 0) return null;
  const gone = installed.has(running) ? "" : ", which is not installed any more";
  return `A reboot would start ${release}, which is older than the running kernel ${running}${gone}.`;
}

/** Why the kernel was started from somewhere else, or null. */
function whyForeign(
  { modules, unreadable }: KernelFacts,
  running: string,
  { installed, newest }: Kernels,
): string | null {
  if (installed.has(running) || newest !== null || modules?.includes(running)) return null;
  const [first] = unreadable;
  const nothing = first
    ? `${first.path} could not be read: ${first.why}`
    : "no kernel is installed here, so it was started from elsewhere";
  if (installed.size === 0) return modules === null || modules.length === 0 ? nothing : null;
  return `${running} is of another kind than any kernel installed here (${[...installed.keys()].slice(0, 5).join(", ")}), so it was started from elsewhere`;
}

/** Arch and Alpine on machines whose images do not tell their version: another kernel's modules took the place. */
function withoutImages(
  facts: KernelFacts,
  running: string,
  modules: readonly string[],
  notes: readonly string[],
): KernelJudgement {
  const others = (facts.modules ?? []).filter((name) => splitRelease(name).flavour === splitRelease(running).flavour);
  const modulesGone = modules.length > 0;
  if (!modulesGone || others.length === 0) {
    const first = facts.unreadable[0];
    const why = first ? `${first.path} could not be read: ${first.why}` : "no image of an installed kernel was found";
    return unknown(why);
  }
  const expected = others.length === 1 ? (others[0] ?? null) : null;
  const doubt = "Which kernel a reboot would start is not known: no image of an installed kernel was found.";
  return { verdict: "outdated", expected, image: null, modulesGone, reasons: modules, notes, doubt };
}

/** Only where every image could be seen is one that was not seen missing. */
function isMissing(isNotFound: boolean, { images, unreadable }: KernelFacts): boolean {
  return isNotFound && images.length > 0 && unreadable.length === 0;
}

function pinned(release: string, { newest, order, expected }: Kernels): readonly string[] {
  if (expected === null || newest === null || newest === release || order(newest, release) <= 0) return [];
  return [
    `The newest kernel installed is ${newest}, but the boot loader would start ${release}: a reboot would not put the newest into use.`,
  ];
}

function otherRelease(about: About, running: string, kernels: Kernels, { modules, notes }: Sentences): KernelJudgement {
  const next = about.expected;
  const isAlike = splitRelease(next).flavour === splitRelease(running).flavour;
  // Somebody chose a newer kernel at the last start: what starts next is older, and not what this one has to be replaced by.
  if (isAlike && kernels.installed.has(running) && kernels.order(running, next) > 0) {
    const older = `A reboot would start ${next}, which is older than the running kernel ${running}.`;
    return { ...about, verdict: "current", reasons: modules, notes: [...notes, older] };
  }
  const how = kernels.expected ? "the boot loader would start" : "the newest installed is";
  const kind = isAlike ? "" : ", a kernel of another kind";
  const reason = `The running kernel is ${running}; ${how} ${next}${kind}.`;
  return { ...about, verdict: "outdated", reasons: [reason, ...modules], notes };
}

function sameRelease(about: About, running: string, build: Build, sentences: Sentences): KernelJudgement {
  // No reason to reboot: the same kernel would come up, without its modules still.
  const notes = [...sentences.notes, ...sentences.modules];
  switch (build.kind) {
    case "same":
      return { ...about, verdict: "current", reasons: [], notes };
    case "other": {
      const reason = `The running kernel is an earlier build of ${running}: ${build.running} runs, ${build.installed} is installed.`;
      return { ...about, verdict: "outdated", reasons: [reason], notes };
    }
    case "unknown": {
      const why = `Whether ${running} was rebuilt since it was started is not known: ${build.why}.`;
      return { ...about, verdict: "unknown", reasons: [], notes: [...notes, why], doubt: about.doubt ?? why };
    }
  }
}
