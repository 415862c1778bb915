/**
 * `corrupt`: what is on the disk cannot be trusted. `newer`: a record is of a kind that this version does not know.
 * `failed`: it cannot be opened, or a write or sync failed, now or earlier; the page may be marked clean although it
 * never reached the disk, so nothing more is written: the caller exits and reads again.
 */
export class JournalError extends Error {
  override readonly name = "JournalError";
  readonly code: "corrupt" | "newer" | "failed";
  constructor(code: JournalError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What a person does about it, for the end of an error line. */
export function journalRemedy({ code }: JournalError, again: string): string {
  switch (code) {
    case "corrupt":
      return `read it, move it away, then ${again}`;
    case "newer":
      return "install that version again";
    case "failed":
      return `see to the disk, then ${again}: it goes on where this one stopped`;
  }
}
