import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ContainersRead, readContainers } from "@afterpatch/agent/host/containers/containers";
import { askEngines } from "@afterpatch/agent/host/containers/engines";
import { readProcesses } from "@afterpatch/agent/host/processes";
import { scanHost } from "@afterpatch/agent/host/scan";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "./programs.ts";

// Engines as they answer and store: a socket that speaks Docker's API, and a storage as podman writes it, beside a process
// that is called as its conmon is. test/lab/containers.test.ts has the real podman.

const [A, B] = ["a".repeat(64), "b".repeat(64)] as const;
/** Of no real container. */
const OURS = `${process.pid}`.padStart(64, "0");
const WEB = "localhost/web:latest";
const ASKING = "whether containers run what the names of their images mean now: ";
const isRoot = process.geteuid?.() === 0;

let directory: string;
let groups: ChildProcess[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "afterpatch-containers-"));
  chmodSync(directory, 0o755);
  groups = [];
});
afterEach(async () => {
  for (const group of groups) {
    const end = once(group, "close");
    if (group.pid !== undefined) process.kill(-group.pid, "SIGKILL");
    await end;
  }
  rmSync(directory, { recursive: true });
});

/** A process called `name` with these arguments. Resolves with the pid of its child. */
async function holder(name: string, args: readonly string[], as: readonly string[] = []): Promise<number> {
  const program = join(directory, name);
  writeFileSync(program, "#!/bin/sh\nsleep 600 & echo $!\nwait\n", { mode: 0o755 });
  const [file = program, ...words] = [...as, program, ...args];
  const group = spawn(file, words, { stdio: ["ignore", "pipe", "ignore"], detached: true });
  groups.push(group);
  const [text] = await once(group.stdout, "data");
  const pid = Number(text);
  // Until then it is a second one of its parent's name.
  await until(() => readFileSync(`/proc/${pid}/comm`, "utf8") === "sleep\n");
  return pid;
}

/** What is said of our containers alone: this machine may have some of its own. */
function ours({ names, images, notes }: ContainersRead, pid: number) {
  const name = names.find(({ id }) => id === OURS)?.name;
  const image = images.find(({ task }) => task.pid === pid)?.file.image;
  return { name, image, notes: notes.filter((note) => note.startsWith(ASKING)) };
}

describe.skipIf(!isRoot)("podman's storage", () => {
  let pid: number;
  const containersFile = () => join(directory, "vfs-containers/containers.json");
  const imagesFile = () => join(directory, "vfs-images/images.json");
  const image = (id: string, names: readonly string[]) => ({ id, names, layer: id });
  const container = (name: string) => {
    const metadata = JSON.stringify({ "image-name": WEB, "image-id": A, name });
    return { id: OURS, names: [name], image: A, metadata };
  };
  const write = (file: string, value: unknown) => writeFileSync(file, JSON.stringify(value));
  const read = () => ours(readContainers(readProcesses(), null), pid);
  const words = (id: string) => [
    "-c",
    id,
    "-u",
    id,
    "-b",
    join(directory, "vfs-containers", id, "userdata"),
    "-n",
    "web",
  ];

  beforeEach(async () => {
    for (const folder of ["containers", "images"]) mkdirSync(join(directory, `vfs-${folder}`));
    write(containersFile(), [container("web")]);
    write(imagesFile(), [image(A, []), image(B, [WEB])]);
    pid = await holder("conmon", words(OURS));
  });

  test("a container whose image has lost its tag to another", () => {
    expect(read()).toEqual({ name: "web", image: { running: A, named: B }, notes: [] });
    const finding = scanHost({ hostId: null, name: "here", now: Date.now }).findings.find(
      (candidate) => candidate.process?.pid === pid,
    );
    expect(finding?.verdict).toBe("replaced");
    expect(finding?.files).toMatchObject([{ path: WEB, kind: "archive", image: { running: A, named: B } }]);
  });

  test("one that runs what its tag means", () => {
    write(imagesFile(), [image(A, [WEB])]);
    expect(read()).toEqual({ name: "web", image: undefined, notes: [] });
  });

  test("one that is not to outlive a crash, which podman keeps beside the others", () => {
    write(containersFile(), []);
    write(join(directory, "vfs-containers/volatile-containers.json"), [container("passing")]);
    expect(read()).toEqual({ name: "passing", image: { running: A, named: B }, notes: [] });
  });

  test("podman exec is no container of its own", async () => {
    const other = await holder("conmon", ["-c", OURS, "-u", "e".repeat(64), "-b", directory, "-e", "-n", "web"]);
    expect(ours(readContainers(readProcesses(), null), other).image).toBeUndefined();
    expect(read()).toMatchObject({ image: { running: A }, notes: [] });
  });

  test.each<[string, () => void, RegExp]>([
    ["that is not there", () => rmSync(containersFile()), /vfs-containers\/containers.json is not there$/],
    ["cut off", () => writeFileSync(containersFile(), `[{"id":"${A}"`), /containers.json is not understood$/],
    ["of garbage", () => writeFileSync(imagesFile(), "\u0000\u0001[["), /images.json is not understood$/],
    ["of somebody else", () => chownSync(imagesFile(), 65534, 65534), /images.json is not root's$/],
    ["without the container", () => write(containersFile(), []), /containers.json does not have it$/],
  ])("a storage %s is told, and the container is not called current", (_name, damage, why) => {
    damage();
    const { name, image: found, notes } = read();
    expect([name, found]).toEqual([undefined, undefined]);
    expect(notes).toEqual([expect.stringMatching(why)]);
    expect(notes[0]).toContain(`${ASKING}podman: ${directory}/`);
  });

  test("containers of users are counted, and no file of theirs is read", async () => {
    const asUser = ["setpriv", "--reuid", "65534", "--clear-groups", "--"];
    await holder("conmon", words("1".repeat(64)), asUser);
    await holder("conmon", words("2".repeat(64)), asUser);
    expect(read().notes).toEqual([
      `${ASKING}podman: its conmon is not root's, and files of users are not read for this (2 containers)`,
    ]);
  });
});

describe.skipIf(!isRoot)("Docker's API", () => {
  let pid: number;
  const comm = () => readFileSync("/proc/self/comm", "utf8").trim();
  const listed = { Id: OURS, Names: ["/web"], Image: `sha256:${A}`, ImageID: `sha256:${A}` };
  const images = [
    { Id: `sha256:${A}`, RepoTags: [] },
    { Id: `sha256:${B}`, RepoTags: ["web:latest"] },
  ];
  const layers = (name: string) => ({ RootFS: { Type: "layers", Layers: [`sha256:${name}`] } });
  const answers = (more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
    "/containers/json": [listed],
    "/images/json?all=1": images,
    [`/containers/${OURS}/json`]: { State: { Pid: pid }, Config: { Image: "web" } },
    [`/images/${A}/json`]: layers("1"),
    [`/images/${B}/json`]: layers("2"),
    ...more,
  });
  const methods = new Set<string | undefined>();

  /** What an engine is heard to say that answers so. */
  async function answered(answer: RequestListener, daemon = comm()) {
    const socket = join(directory, "docker.sock");
    const server = createServer(answer).listen(socket);
    await once(server, "listening");
    try {
      return await askEngines([{ name: "docker", socket, daemon, deadlineMs: 2000 }]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  /** And what is learnt of it. */
  async function asked(answer: RequestListener, daemon?: string) {
    return ours(readContainers(readProcesses(), await answered(answer, daemon)), pid);
  }

  const answering =
    (table: Readonly<Record<string, unknown>>): RequestListener =>
    ({ url = "", method }, response) => {
      methods.add(method);
      if (!(url in table)) response.statusCode = 404;
      response.end(JSON.stringify(table[url] ?? { message: "page not found" }));
    };

  beforeEach(async () => {
    methods.clear();
    pid = await holder("containerd-shim-runc-v2", ["-namespace", "moby", "-id", OURS]);
  });

  test("a container whose image has lost its tag to another, and nothing but GET", async () => {
    expect(await asked(answering(answers()))).toEqual({ name: "web", image: { running: A, named: B }, notes: [] });
    expect([...methods]).toEqual(["GET"]);
  });

  test("one that runs what its tag means, and one rebuilt without a change", async () => {
    const current = {
      "/containers/json": [{ ...listed, Image: "web" }],
      "/images/json?all=1": [{ ...images[0], RepoTags: ["web:latest"] }],
    };
    expect(await asked(answering(answers(current)))).toEqual({ name: "web", image: undefined, notes: [] });
    const same = { [`/images/${B}/json`]: layers("1") };
    const engines = await answered(answering(answers(same)));
    const scan = scanHost({ hostId: null, name: "here", now: Date.now, engines, all: true });
    expect(scan.findings.some(({ process: one }) => one?.pid === pid)).toBe(false);
    expect(scan.identical).toContainEqual({ pid, path: "web" });
  });

  test("an engine that does not run is not asked: its socket might start it", async () => {
    const { notes } = await asked(answering(answers()), "no-such-daemon");
    expect(notes).toEqual([`${ASKING}docker: Docker was not asked, or does not list it`]);
    expect([...methods]).toEqual([]);
  });

  test.each<[string, RequestListener, string]>([
    ["refuses", (_request, response) => response.writeHead(403).end(), "it answers with status 403"],
    ["says what is no list", answering({ "/containers/json": { a: 1 } }), "its list of containers is not understood"],
    ["never answers", () => {}, "it did not answer in time"],
    [
      "never ends",
      (_request, response) => {
        response.write("[");
      },
      "it did not answer in time",
    ],
    ["breaks off", ({ socket }) => socket.destroy(), "ECONNRESET"],
    ["speaks no HTTP", ({ socket }) => socket.end("garbage\r\n\r\n"), "its answer is no HTTP"],
    [
      "says too much",
      (_request, response) => {
        for (let at = 0; at < 40; at++) response.write(Buffer.alloc(1024 * 1024, 32));
        response.end();
      },
      "its answer is too long",
    ],
  ])("one that %s is told, and nothing is called current", async (_name, answer, why) => {
    const { name, image, notes } = await asked(answer);
    expect([name, image]).toEqual([undefined, undefined]);
    expect(notes).toEqual([`${ASKING}docker: ${join(directory, "docker.sock")}: ${why}`]);
  });
});
