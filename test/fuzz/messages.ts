import { pb } from "@afterpatch/wire/messages";
import { fromAgentFromWire, ProtocolError, toAgentFromWire } from "@afterpatch/wire/convert/session";
import { agentService, controlService, enrollService, trustService } from "@afterpatch/wire/services";
import { publicKeyOfRequest } from "@afterpatch/controller/ca/csr";
import { withinBounds } from "@afterpatch/controller/api/bounds";
import { certificateRequest, newKey } from "@afterpatch/wire/request";
import { parseToken } from "@afterpatch/wire/token";
import { Random } from "./random.ts";

export interface MessagesDone {
  readonly messages: number;
  /** Those that a parser took for one of ours. */
  readonly understood: number;
  /** What went wrong; empty: nothing did. */
  readonly complaints: readonly string[];
}

interface Parser {
  readonly name: string;
  readonly samples: readonly [Buffer, ...Buffer[]];
  /** Throws what `isRefusal` knows, or returns. */
  readonly parse: (bytes: Buffer) => unknown;
}

/** Damaged messages through each parser that a peer can reach: each refuses, or understands; nothing else. */
export async function damagedMessages(count: number, seed: number): Promise<MessagesDone> {
  const all = await parsers();
  const random = new Random(seed);
  const complaints: string[] = [];
  let understood = 0;
  for (let nth = 0; nth < count; nth++) {
    const parser = all[nth % all.length];
    if (!parser) throw new Error("there are parsers");
    const bytes = random.damaged(random.pick(parser.samples));
    const before = performance.now();
    try {
      parser.parse(bytes);
      understood += 1;
    } catch (error) {
      if (!isRefusal(error)) complaints.push(`${parser.name}: ${String(error)} for ${bytes.toString("base64")}`);
    }
    const ms = performance.now() - before;
    if (ms > 1_000) complaints.push(`${parser.name}: ${Math.round(ms)} ms for ${bytes.toString("base64")}`);
    if (complaints.length >= 20) break;
  }
  if (Object.getOwnPropertyNames(Object.prototype).some((name) => !NAMES.has(name)))
    complaints.push("Object.prototype has been written to");
  return { messages: count, understood, complaints };
}

const NAMES = new Set(Object.getOwnPropertyNames(Object.prototype));

/** protobufjs throws Error and RangeError for what it cannot decode, TextDecoder what is no UTF-8; we, ProtocolError. */
function isRefusal(error: unknown): boolean {
  if (error instanceof TypeError) return "code" in error && error.code === "ERR_ENCODING_INVALID_ENCODED_DATA";
  if (error instanceof ProtocolError || error instanceof RangeError) return true;
  return error instanceof Error && error.constructor === Error;
}

async function parsers(): Promise<readonly Parser[]> {
  const methods = [agentService, controlService, trustService, enrollService].flatMap((service) =>
    Object.values(service),
  );
  const requests = methods.map((method): Parser => {
    const empty = method.requestSerialize({} as never); // every field has a default
    const one = Buffer.from("0a04776562301205746573743118c0843d2207787878787878783001", "hex");
    return { name: method.path, samples: [one, empty], parse: (bytes) => method.requestDeserialize(bytes) };
  });
  const { hello, report, update, welcome, permit } = samples();
  const csr = Buffer.from(await certificateRequest(newKey()));
  const token = Buffer.from(`ap1.${"a".repeat(10)}.${"b".repeat(43)}.${"c".repeat(43)}.1800000000`);
  return [
    ...requests,
    {
      name: "what an agent says",
      samples: [hello, report, update],
      parse: (bytes) => withinBounds(fromAgentFromWire(pb.v1.AgentMessage.decode(bytes))),
    },
    {
      name: "what a controller says",
      samples: [welcome, permit],
      parse: (bytes) => toAgentFromWire(pb.v1.ControllerMessage.decode(bytes)),
    },
    { name: "certificate request", samples: [csr], parse: (bytes) => publicKeyOfRequest(bytes) ?? refuse() },
    { name: "token", samples: [token], parse: (bytes) => parseToken(bytes.toString()) ?? refuse() },
  ];
}

function refuse(): never {
  throw new Error("refused");
}

function samples() {
  const permits = [
    {
      permitId: "p1",
      state: 1,
      steps: [
        {
          kind: "restart-service",
          target: "a.service",
          outcome: "done",
          evidence: "x",
          startedAt: 1,
          elapsedMs: 2,
          journal: ["line"],
        },
      ],
      outcome: null,
    },
  ];
  const agent = (message: object) => Buffer.from(pb.v1.AgentMessage.encode(message as never).finish()); // as the wire types have it
  const controller = (message: object) => Buffer.from(pb.v1.ControllerMessage.encode(message as never).finish());
  const counts = { services: 1, xinetdSessions: 2, applications: 3, kernels: 0, microcodes: 0 };
  const scan = {
    digest: "d",
    scannedAt: 1,
    bootId: "b",
    os: "debian 12",
    kernel: "6.1",
    findings: counts,
    reboot: 1,
    unreadable: 0,
    configError: "",
    body: Buffer.alloc(40, 7),
  };
  return {
    hello: agent({ body: "hello", hello: { agentVersion: "1", bootId: "b", epoch: 7, permits, instanceId: "i" } }),
    report: agent({ body: "report", report: { report: scan, requestId: "r", reason: 2 } }),
    update: agent({
      body: "permitUpdate",
      permitUpdate: {
        ...permits[0],
        state: 4,
        outcome: { result: "verified", code: "", message: "", proof: scan, residue: ["x"] },
      },
    }),
    welcome: controller({
      body: "welcome",
      welcome: { epoch: 3, controllerVersion: "1", now: 5, reportIntervalMs: 6, auditHead: "1:aa" },
    }),
    permit: controller({
      body: "permit",
      permit: {
        permitId: "p",
        rolloutId: "r",
        hostId: "h",
        bootId: "b",
        epoch: 3,
        planDigest: "d",
        steps: [{ kind: "restart-service", target: "a" }],
        beginWithinMs: 1,
        deadlineMs: 2,
        graceMs: 3,
        settleMs: 4,
        allowNew: true,
        reboot: null,
        leave: [],
        ordered: false,
      },
    }),
  };
}
