/**
 * The remedies that are carried out automatically. Every other one stays with a person, whatever a scan says of it: a
 * `reboot` that a host calls automatic never becomes a step, and so never a permit.
 */
const CARRIED_OUT: ReadonlySet<string> = new Set(["end-session", "relaunch-application", "restart-service", "reexec"]);

export function isCarriedOut(kind: string): boolean {
  return CARRIED_OUT.has(kind);
}
