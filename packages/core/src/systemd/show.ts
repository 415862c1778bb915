/** Properties of one unit, as `systemctl show` printed them. */
export interface UnitFacts {
  readonly id: string;
  readonly loadState: string;
  readonly activeState: string;
  /** `simple`, `oneshot`, ...; empty for units that are no services. */
  readonly type: string;
  readonly killMode: string;
  /** Absent where systemd told none: it is not a service, does not run, or its main process is not known. */
  readonly mainPid?: number;
  readonly refuseManualStart: boolean;
  readonly refuseManualStop: boolean;
  readonly triggeredBy: readonly string[];
  /** Of a socket: one instance per connection. */
  readonly accept: boolean;
  /** Units that a restart of this one restarts too, as far as they run: see `restartedAlong`. Absent: none. */
  readonly restartsAlong?: readonly string[];
}

/**
 * Dependencies over which a restart spreads, as try-restart: UNIT_ATOM_PROPAGATE_RESTART of systemd. Not among them are
 * WantedBy and PropagatesStopTo, which only a stop follows.
 */
const RESTARTED_ALONG = ["RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf"] as const;

/** What to ask `systemctl show --property=` for. Old versions leave out what they do not know. */
export const UNIT_PROPERTIES = [
  "Id",
  "LoadState",
  "ActiveState",
  "Type",
  "KillMode",
  "MainPID",
  "RefuseManualStart",
  "RefuseManualStop",
  "TriggeredBy",
  "Accept",
  ...RESTARTED_ALONG,
] as const;

/** Units of `systemctl show`: blocks separated by an empty line, properties in any order, values may contain `=`. */
export function parseUnits(text: string): readonly UnitFacts[] {
  const units: UnitFacts[] = [];
  for (const block of text.split("\n\n")) {
    const properties = new Map<string, string>();
    for (const line of block.split("\n")) {
      const equals = line.indexOf("=");
      if (equals > 0) properties.set(line.slice(0, equals), line.slice(equals + 1));
    }
    const id = properties.get("Id");
    if (id) units.push(unitOf(id, properties));
  }
  return units;
}

function unitOf(id: string, properties: ReadonlyMap<string, string>): UnitFacts {
  const value = (name: (typeof UNIT_PROPERTIES)[number]) => properties.get(name) ?? "";
  return {
    id,
    loadState: value("LoadState"),
    activeState: value("ActiveState"),
    type: value("Type"),
    killMode: value("KillMode"),
    ...(Number(value("MainPID")) > 0 ? { mainPid: Number(value("MainPID")) } : {}),
    refuseManualStart: value("RefuseManualStart") === "yes",
    refuseManualStop: value("RefuseManualStop") === "yes",
    triggeredBy: value("TriggeredBy").split(" ").filter(Boolean),
    accept: value("Accept") === "yes",
    ...alongOf(RESTARTED_ALONG.flatMap((name) => value(name).split(" ").filter(Boolean))),
  };
}

function alongOf(units: readonly string[]): Pick<UnitFacts, "restartsAlong"> {
  return units.length === 0 ? {} : { restartsAlong: [...new Set(units)].sort() };
}

/** Running services that a restart of `unit` restarts too, directly or over others; sorted. */
export function restartedAlong(unit: string, units: ReadonlyMap<string, UnitFacts>): readonly string[] {
  const seen = new Set([unit]);
  // A Set hands out what is added while it is gone through.
  for (const name of seen) for (const next of units.get(name)?.restartsAlong ?? []) seen.add(next);
  seen.delete(unit);
  return [...seen].filter((name) => name.endsWith(".service") && isUp(units.get(name))).sort();
}

function isUp(unit: UnitFacts | undefined): boolean {
  return unit !== undefined && unit.activeState !== "inactive" && unit.activeState !== "failed";
}

/**
 * The `Accept=yes` socket whose connection a unit serves, or null. systemd (252) forgets at daemon-reload what triggered
 * an instance, so the socket beside its template counts too: systemd.socket(5) makes `x@.service` the service of `x.socket`.
 */
export function acceptingSocket(unit: string, units: ReadonlyMap<string, UnitFacts>): string | null {
  const beside = socketBeside(unit);
  const sockets = [...(units.get(unit)?.triggeredBy ?? []), ...(beside === null ? [] : [beside])];
  return sockets.find((socket) => units.get(socket)?.accept === true) ?? null;
}

/** `x.socket` for an instance `x@....service`, and beside it where that is a user's, `user@1000.service/x@....service`; else null. */
export function socketBeside(unit: string): string | null {
  const from = unit.lastIndexOf("/") + 1;
  const at = unit.indexOf("@", from);
  return at > from && unit.endsWith(".service") ? `${unit.slice(0, at)}.socket` : null;
}
