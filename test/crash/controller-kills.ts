import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EMPTY_CHAIN, followChain } from "@afterpatch/wire/audit";
import type { pb } from "@afterpatch/wire/messages";
import { controlService, trustService } from "@afterpatch/wire/services";
import { Random } from "../fuzz/random.ts";
import { ControllerSite } from "./controller-site.ts";

/** Orders of operators that were answered before a kill, and what became of them. */
export interface KillsDone {
  readonly kills: number;
  /** Orders that were answered. */
  readonly acknowledged: number;
  readonly rollouts: number;
  /** Restarts that really happened on the hosts. */
  readonly effects: number;
  /** Empty: nothing was lost, and nothing happened twice. */
  readonly complaints: readonly string[];
}

/** A controller lives for so long at most once it is ready; every third is killed while it starts. */
const LONGEST_LIFE_MS = 600;
const LONGEST_START_MS = 400;
const PATIENCE_MS = 120_000;

/**
 * A controller that is killed (SIGKILL) again and again, while rollouts run and operators give orders: the program as it is
 * built, its real store, real TLS, the real agent's session. The machines below the agents are fakes that remember each
 * effect. Agents that are killed are in the lab's crash test.
 */
export async function killController(kills: number, seed: number): Promise<KillsDone> {
  const folder = await mkdtemp(join(tmpdir(), "afterpatch-kills-"));
  const random = new Random(seed);
  const site = await ControllerSite.prepare(folder);
  try {
    const work = new Work(site);
    for (let nth = 0; nth < kills; nth++) {
      if (nth % 3 === 2) await site.startAndKill(random.below(LONGEST_START_MS));
      else {
        await site.start();
        await work.during(random.below(LONGEST_LIFE_MS));
        await site.kill();
      }
    }
    await site.start();
    const complaints = await work.settled(PATIENCE_MS);
    const { acknowledged, rollouts } = work;
    return { kills, acknowledged, rollouts: rollouts.length, effects: site.effects(), complaints };
  } finally {
    await site.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const FILE = "apiVersion: afterpatch/v1\nkind: Rollout\n";
const ENDED = ["finished", "halted", "aborted"];

/** What operators do, and what they were answered. */
class Work {
  readonly #site: ControllerSite;
  readonly #tokens: string[] = [];
  readonly rollouts: string[] = [];
  #started = 0;
  /** A rollout that was asked for and not answered: it is asked for again, by the same request. */
  #asked: string | null = null;
  #upgrades = 0;
  #requests = 0;

  constructor(site: ControllerSite) {
    this.#site = site;
  }

  get acknowledged(): number {
    return this.#tokens.length + this.#started;
  }

  /** Orders, one after the other; ends when it is time, or when the controller is gone. */
  async during(ms: number): Promise<void> {
    const end = performance.now() + ms;
    const working = (async () => {
      while (performance.now() < end) await this.#order();
    })().catch(() => undefined); // refused, or gone: nothing was answered
    await Promise.race([working, new Promise((settle) => setTimeout(settle, ms))]);
    await new Promise((settle) => setTimeout(settle, Math.max(0, end - performance.now())));
  }

  async #order(): Promise<void> {
    const { token } = await this.#site.ask(controlService.createToken, { uses: 1, expiresMs: 60_000, labels: {} });
    this.#tokens.push(token.split(".")[1] ?? "");
    const last = this.rollouts.at(-1);
    if (this.#asked === null) {
      if (last !== undefined && !ENDED.includes((await this.#rollout(last)).state)) return;
      this.#next();
    }
    await this.#roll(this.#asked ?? "");
  }

  /** Another upgrade, or, where hosts were not connected and so not covered, another rollout for the last one. */
  #next(): void {
    if (this.#site.effects() === this.#upgrades * this.#site.hosts) {
      this.#site.upgrade();
      this.#upgrades += 1;
    }
    this.#asked = `request-${++this.#requests}`;
  }

  async #roll(requestId: string): Promise<void> {
    const order = { pattern: "all", serial: "", maxFail: 0, reason: requestId, name: "", maxHosts: 0 };
    const more = {
      expectedDigest: "",
      allowNew: false,
      requestId,
      reboot: null,
      filter: null,
      retryOf: "",
      queue: false,
    };
    const rolloutFile = `${FILE}reason: ${requestId}\nactions: {reboot: never}\nwaves: [{name: all, ramp: [100%]}]\ntiming: {settle: 1s, grace: 1s}\n`;
    const { id } = await this.#site.ask(controlService.startRollout, { ...order, ...more, rolloutFile });
    this.#started += 1;
    this.#asked = null;
    this.rollouts.push(id);
  }

  #rollout(id: string): Promise<pb.v1.Rollout> {
    return this.#site.ask(controlService.getRollout, { id });
  }

  /** With a controller that stays: all that was begun ends, and all that was answered is there. */
  async settled(patienceMs: number): Promise<readonly string[]> {
    const end = performance.now() + patienceMs;
    const complaints: string[] = [];
    while (performance.now() < end) {
      const asked = this.#asked;
      if (asked !== null) await this.#roll(asked).catch(() => undefined); // hosts may be coming back still
      const last = this.rollouts.at(-1);
      const isOver = last !== undefined && ENDED.includes((await this.#rollout(last)).state);
      if (this.#asked === null && isOver) {
        if (this.#site.effects() === this.#upgrades * this.#site.hosts) break;
        this.#next();
      }
      await new Promise((settle) => setTimeout(settle, 100));
    }
    if (this.#asked !== null) complaints.push(`${this.#asked} could not be started`);
    for (const id of new Set(this.rollouts)) {
      const { state, why, hosts, uncovered } = await this.#rollout(id);
      const undone = hosts.filter((host) => host.state !== "done");
      if (state !== "finished" || undone.length > 0)
        complaints.push(
          `rollout ${id} is ${state} (${why}); not done: ${undone.map(({ name, state }) => `${name} ${state}`)}`,
        );
      // A host is restarted, or said not to be covered: none is passed over in silence.
      if (hosts.length + uncovered.length !== this.#site.hosts)
        complaints.push(
          `rollout ${id} tells of ${hosts.length} hosts, and of ${uncovered.length} that it does not cover`,
        );
    }
    for (const [host, effects] of this.#site.effectsByHost())
      if (effects !== this.#upgrades) complaints.push(`${host}: ${effects} restarts for ${this.#upgrades} upgrades`);
    return [...complaints, ...(await this.#audited())];
  }

  /** Every order that was answered stands in a log that is whole. */
  async #audited(): Promise<readonly string[]> {
    const complaints: string[] = [];
    const objects = new Set<string>();
    let head = EMPTY_CHAIN;
    for (;;) {
      const { entries } = await this.#site.ask(trustService.listAudit, { after: head.seq, limit: 1000, newest: false });
      if (entries.length === 0) break;
      const verdict = followChain(head, entries);
      if (verdict.kind === "broken") return [...complaints, `audit log broken at ${verdict.seq}: ${verdict.why}`];
      head = verdict.head;
      for (const { object } of entries) objects.add(object);
    }
    for (const id of [...this.#tokens, ...this.rollouts])
      if (!objects.has(id)) complaints.push(`${id} was answered, and is not in the log`);
    return complaints;
  }
}
