import { isScoped, NO_SCOPE, type Scope, scopeMistake } from "@afterpatch/core/fleet/scope";
import type { pb } from "../messages.ts";

type WireScope = ReturnType<typeof pb.v1.Scope.decode>;

/** A scope that is none, or too large. */
export class ScopeError extends Error {
  override readonly name = "ScopeError";
}

/** Null: patterns look at the whole fleet. */
export function scopeToWire(scope: Scope): WireScope | null {
  if (!isScoped(scope)) return null;
  const { limits, inventory } = scope;
  if (inventory === null) return { limits: [...limits], inventory: null };
  const hosts = inventory.hosts.map(({ name, address, labels }) => ({ name, address, labels: { ...labels } }));
  const groups = inventory.groups.map(({ name, members }) => ({ name, members: [...members] }));
  return { limits: [...limits], inventory: { hosts, groups } };
}

/** Throws ScopeError. */
export function scopeFromWire(wire: WireScope | null | undefined): Scope {
  if (!wire) return NO_SCOPE;
  const scope = { limits: wire.limits, inventory: wire.inventory ?? null };
  const mistake = scopeMistake(scope);
  if (mistake !== null) throw new ScopeError(mistake);
  return scope;
}
