/**
 * `corrupt`: what is on the disk cannot be trusted. `failed`: a write or sync failed, now or earlier; the page may be
 * marked clean although it never reached the disk, so nothing more is written: the caller exits and reads again.
 */
export class JournalError extends Error {
  override readonly name = "JournalError";
  readonly code: "corrupt" | "failed";
  constructor(code: JournalError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
