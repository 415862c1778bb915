import { select } from "@afterpatch/core/fleet/select";
import { peerOf } from "../listen/peer.ts";
import type { Host, Hosts } from "../store/hosts.ts";
import { refuseSelection } from "./refuse.ts";

/** Empty: all hosts, also where there are none. */
export async function selected(deps: { readonly hosts: Hosts }, pattern: string): Promise<readonly Host[]> {
  const all = await deps.hosts.list();
  if (pattern === "") return all;
  const selection = select(pattern, all);
  return selection.kind === "selected" ? selection.hosts : refuseSelection(pattern, selection);
}

/** Who calls. */
export function nameOf(call: Parameters<typeof peerOf>[0]): string {
  const peer = peerOf(call);
  return peer.kind === "operator" ? peer.name : peer.id;
}
