/** Of one host, so many are remembered: more than a thief can make before the real agent, whose stream ended, is back. */
const MOST = 1_024;

/**
 * Which processes of an agent have spoken as a host. An agent that starts anew is another one, and the one before never
 * speaks again: one that comes back after another was there means that two machines have the same key.
 */
export class Instances {
  readonly #seen = new Map<string, string[]>();

  /** Notes who speaks now; true: it had been followed by another one. The empty id of an older agent is one like any other once a newer one has spoken. */
  isBack(hostId: string, instanceId: string): boolean {
    const seen = this.#seen.get(hostId) ?? [];
    if (instanceId === "" && seen.length === 0) return false;
    if (seen.at(-1) === instanceId) return false;
    if (seen.includes(instanceId)) return true;
    this.#seen.set(hostId, [...seen, instanceId].slice(-MOST));
    return false;
  }

  /** A person has seen to it. */
  forget(hostId: string): void {
    this.#seen.delete(hostId);
  }
}
