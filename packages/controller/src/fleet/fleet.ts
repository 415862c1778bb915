import { type Holds, NO_HOLDS } from "@afterpatch/core/rollout/holds";
import type { FleetView, HostPresence } from "@afterpatch/core/rollout/next";
import type { ToAgent } from "@afterpatch/core/session";
import type { Clock } from "../ports.ts";
import { Instances } from "./instances.ts";

/** The sending half of one agent's stream. */
export interface AgentLink {
  send(message: ToAgent): void;
  /** Ends the stream; the agent connects again. */
  close(why: string): void;
}

interface Entry {
  readonly link: AgentLink;
  /** Null until its Hello answered this controller's epoch: before that it gets nothing. */
  hello: { readonly bootId: string; readonly agentVersion: string } | null;
}

/** Agents try again at the latest 90 s after they failed, and may then wait for admission. */
const COMING_BACK_MS = 120_000;

/** Which agents are connected to this controller now, and what people hold back. Knows nothing of rollouts. */
export class Fleet {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #awaySince = new Map<string, { readonly at: number; readonly bootId: string }>();
  readonly #instances = new Instances();
  readonly #listeningSince: number;
  /** Hosts that have been connected to this run of the controller. */
  readonly #heard = new Set<string>();

  /** What is held back now. */
  readonly holds: () => Holds;

  constructor(clock: Clock, holds: () => Holds = () => NO_HOLDS) {
    this.#clock = clock;
    this.holds = holds;
    this.#listeningSince = clock.steady();
  }

  /** A stream opened. An older one of the same host is closed: one identity speaks through one stream. */
  attach(hostId: string, link: AgentLink): void {
    const older = this.#entries.get(hostId);
    this.#entries.set(hostId, { link, hello: null });
    this.#away(hostId, older?.hello?.bootId ?? "");
    older?.link.close("another stream of this host opened");
  }

  /**
   * The host answered this controller's Welcome on this stream; false when a newer stream has replaced it, and for a
   * second Hello: what it says of permits was true before those that this stream has carried since.
   */
  greet(hostId: string, link: AgentLink, hello: { readonly bootId: string; readonly agentVersion: string }): boolean {
    const entry = this.#entries.get(hostId);
    if (entry?.link !== link || entry.hello) return false;
    entry.hello = hello;
    this.#awaySince.delete(hostId);
    this.#heard.add(hostId);
    return true;
  }

  /** Whether this is the host's stream, and its Hello was taken: what another one says is not the host's word. */
  hasGreeted(hostId: string, link: AgentLink): boolean {
    const entry = this.#entries.get(hostId);
    return entry?.link === link && entry.hello !== null;
  }

  /** Whether this stream says Hello for a process of the agent that another one had followed: two machines have the key. */
  isTwin(hostId: string, link: AgentLink, instanceId: string): boolean {
    return this.#entries.get(hostId)?.link === link && this.#instances.isBack(hostId, instanceId);
  }

  /** A person has seen to the twins of a host. */
  forgetInstances(hostId: string): void {
    this.#instances.forget(hostId);
  }

  /** A stream ended; ignored when a newer one has replaced it. */
  detach(hostId: string, link: AgentLink): void {
    const entry = this.#entries.get(hostId);
    if (entry?.link !== link) return;
    this.#entries.delete(hostId);
    this.#away(hostId, entry.hello?.bootId ?? "");
  }

  /** Closes a host's stream, so that it connects anew and says where it stands. */
  reset(hostId: string, why: string): void {
    const entry = this.#entries.get(hostId);
    if (!entry) return;
    this.detach(hostId, entry.link);
    entry.link.close(why);
  }

  isConnected(hostId: string): boolean {
    return this.#entries.get(hostId)?.hello != null;
  }

  /** Whether a host may be coming back still: it was there before this controller started, and has not been heard since. */
  isAwaited({ id, enrolledAt }: { readonly id: string; readonly enrolledAt: number }): boolean {
    return !this.#heard.has(id) && enrolledAt < this.#listeningSince && this.startedMsAgo() < COMING_BACK_MS;
  }

  startedMsAgo(): number {
    return this.#clock.steady() - this.#listeningSince;
  }

  /** Of the boot that it runs in, as its Hello said; null when it is not connected. */
  bootId(hostId: string): string | null {
    return this.#entries.get(hostId)?.hello?.bootId ?? null;
  }

  agentVersion(hostId: string): string | null {
    return this.#entries.get(hostId)?.hello?.agentVersion ?? null;
  }

  /** False when the host is not connected; delivery is not promised: its next Hello tells what arrived. */
  send(hostId: string, message: ToAgent): boolean {
    const entry = this.#entries.get(hostId);
    if (!entry?.hello) return false;
    entry.link.send(message);
    return true;
  }

  view(): Pick<FleetView, "hosts" | "listeningSince" | "holds"> {
    const hosts = new Map<string, HostPresence>();
    for (const [id, away] of this.#awaySince) hosts.set(id, { awaySince: away.at, bootId: away.bootId });
    for (const [id, { hello }] of this.#entries) {
      if (hello) hosts.set(id, { awaySince: null, bootId: hello.bootId });
    }
    return { hosts, listeningSince: this.#listeningSince, holds: this.holds() };
  }

  /** Since the first time: a host that connects again and again and never says Hello stays away. */
  #away(hostId: string, bootId: string): void {
    if (this.#awaySince.has(hostId)) return;
    this.#awaySince.set(hostId, { at: this.#clock.steady(), bootId });
  }
}
