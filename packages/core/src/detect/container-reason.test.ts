import { expect, test } from "vitest";
import { factsOf, process, unit } from "../../../../test/fakes/host-facts.ts";
import type { FileFacts, ProcessFacts } from "../facts.ts";
import { indexOf } from "./host.ts";
import { ownerOf } from "./owner.ts";
import { remedyOf } from "./remedy.ts";

const ID = "86d02fdc7ce62f597996b1c31aae1cec8d9895817cd394124343e92309942d8d";
const [A, B] = ["a".repeat(64), "b".repeat(64)] as const;
const IMAGE: FileFacts = {
  path: "localhost/web:latest",
  image: { running: A, named: B },
  mapped: { kind: "sha256", hex: A },
  onDisk: { kind: "sha256", hex: B },
};
const INSIDE = { pidNamespace: "pid:[2]", executable: "/usr/bin/web" } as const;
const CONMON = { executable: "/usr/bin/conmon", argv: ["conmon", "-c", ID, "-n", "web"] } as const;
const SHIM = {
  executable: "/usr/bin/containerd-shim-runc-v2",
  argv: ["shim", "-namespace", "moby", "-id", ID],
} as const;

const conmon = process(10, `/machine.slice/libpod-conmon-${ID}.scope`, CONMON);
const main = process(11, `/machine.slice/libpod-${ID}.scope/container`, { ...INSIDE, ppid: 10 });
const quadlet = process(10, "/system.slice/web.service", CONMON);
const inQuadlet = process(11, "/system.slice/web.service/libpod-payload-1", { ...INSIDE, ppid: 10 });
const REBUILD = "It runs in a container; ask the container's owner to rebuild the image and replace the container";
const RULE = "or say how in a rule of the agent's file (applications, match.container).";

function judged(
  running: readonly ProcessFacts[],
  files: readonly FileFacts[] = [],
  containers = [{ engine: "x", id: ID, name: "web" }],
) {
  const facts = {
    ...factsOf(running, [unit("web.service"), unit("containerd.service", { killMode: "process", mainPid: 5 })]),
    files,
    containers,
  };
  const host = indexOf(facts);
  const [first] = running as readonly [ProcessFacts]; // each row has one
  const owner = ownerOf(first, host);
  const { kind, reason } = remedyOf(
    { owner, process: first, verdict: "replaced", programRemoved: false, unknown: null },
    host,
  );
  return { owner: `${owner.kind} ${owner.name}`, remedy: `${kind}: ${reason}` };
}

test.each<[string, ReturnType<typeof judged>, string, string]>([
  ["a file of the container is old", judged([main, conmon]), "container podman:web", `none: ${REBUILD}.`],
  [
    "its image has lost its name to another one",
    judged([main, conmon], [IMAGE]),
    "container podman:web",
    `none: It runs image aaaaaaaaaaaa of localhost/web:latest, a name that means image bbbbbbbbbbbb here now; ask the container's owner to replace the container, ${RULE}`,
  ],
  [
    "its image has lost its name",
    judged([main, conmon], [{ ...IMAGE, image: { running: A, named: null } }]),
    "container podman:web",
    `none: It runs image aaaaaaaaaaaa of localhost/web:latest, a name that means no image here any more; ask the container's owner to replace the container, ${RULE}`,
  ],
  [
    "a unit of the host runs it",
    judged([inQuadlet, quadlet]),
    "container podman:web",
    `none: ${REBUILD} (web.service runs it; whether a restart of that makes it anew is theirs to say).`,
  ],
  ["its name where no engine tells one", judged([main], [], []), "container podman:86d02fdc7ce6", `none: ${REBUILD}.`],
  [
    "conmon is the host's own part",
    judged([conmon]),
    "application /usr/bin/conmon",
    "none: It is the host's own part of the container podman:web, no part of its image, and ends with it; ask the container's owner to stop and start the container.",
  ],
  [
    "and so is containerd's shim, which its service leaves running",
    judged([process(12, "/system.slice/containerd.service", SHIM)]),
    "application /usr/bin/containerd-shim-runc-v2",
    "none: It is the host's own part of the container docker:web, no part of its image, and ends with it; ask the container's owner to stop and start the container.",
  ],
  [
    "where conmon is a unit's main process, the unit is what is restarted",
    judged([quadlet]),
    "service web.service",
    "restart-service: A program in memory stays the old one until its service is stopped and started. The restart ends every process of the unit (KillMode=control-group).",
  ],
  [
    "a process of a container that calls itself conmon is the container's",
    judged([{ ...main, ...CONMON, pidNamespace: "pid:[2]" }]),
    "container podman:web",
    `none: ${REBUILD}.`,
  ],
])("%s", (_name, { owner, remedy }, whose, what) => {
  expect(owner).toBe(whose);
  expect(remedy).toBe(what);
});
