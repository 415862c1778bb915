import { files } from "./file-pages.ts";
import { fileManPage } from "./man-files.ts";
import { releaseDate, version } from "./release.ts";
import { programs } from "./programs.ts";
import { commandPage, groupPage, programPage } from "./man-programs.ts";

/** One page of manuals, as man(1) reads it. */
export interface ManPage {
  /** `afterpatch-rollout-start`; with its section the name of its file: `afterpatch-rollout-start.1`. */
  readonly name: string;
  readonly section: 1 | 5 | 8;
  /** The program that it comes with. */
  readonly program: "afterpatch" | "afterpatch-agent" | "afterpatch-controller";
  readonly text: string;
}

/** What all pages of a release have in common. */
export interface Release {
  readonly version: string;
  /** Year, month and day. */
  readonly date: string;
}

/** Every page of manuals, the same for the same sources: `man afterpatch`, `man afterpatch-rollout-start`, `man 8 afterpatch-agent`. */
export async function manPages(): Promise<readonly ManPage[]> {
  const release = { version, date: releaseDate() };
  const ofPrograms = programs().flatMap((program) => [
    programPage(program, release),
    ...(program.name === "afterpatch" ? program.groups.map((group) => groupPage(program, group, release)) : []),
    ...(program.name === "afterpatch" ? program.commands.map((one) => commandPage(program, one, release)) : []),
  ]);
  return [...ofPrograms, ...files().map((file) => fileManPage(file, release))];
}
