import { pb } from "./messages.ts";
import { define } from "./rpc.ts";

/** Fleet port, certificates of hosts. */
export const agentService = define(pb.v1.AgentService, pb.v1);
/** Fleet port, certificates of operators. */
export const controlService = define(pb.v1.ControlService, pb.v1);
/** Fleet port, certificates of operators: who is let in, and what was done. */
export const trustService = define(pb.v1.TrustService, pb.v1);
/** Enrol port, no client certificate. */
export const enrollService = define(pb.v1.EnrollService, pb.v1);
