/** The remedies that are carried out. Every other one stays with a person, whatever a scan says of it. */
const CARRIED_OUT: ReadonlySet<string> = new Set([
  "end-session",
  "relaunch-application",
  "restart-service",
  "reexec",
  "reboot",
]);

export function isCarriedOut(kind: string): boolean {
  return CARRIED_OUT.has(kind);
}
