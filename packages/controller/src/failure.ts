/** A command cannot go on. Printed as `afterpatch-controller: MESSAGE` with this exit code (contracts). */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: 1 | 5;
  constructor(exitCode: Failure["exitCode"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
