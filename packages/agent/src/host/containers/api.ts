import { type IncomingMessage, request } from "node:http";
import { imageFile, type Image } from "@afterpatch/core/containers/image";
import {
  inspectedContainer,
  inspectedLayers,
  type Listed,
  listedContainers,
  listedImages,
} from "@afterpatch/core/containers/engine-api";
import type { ContainerName, FileFacts } from "@afterpatch/core/facts";
import { readStat } from "../processes.ts";
import { codeOf, explain } from "../read.ts";

// Questions to an engine over its socket: GET alone, nothing that changes or starts anything. Only engine.ts loads this.

const LONGEST = 32 * 1024 * 1024;
const LONGEST_ONE = 1024 * 1024;
/** Containers that are asked about one by one. */
const MOST = 500;

/** What an engine said. */
export interface EngineAnswer {
  /** All that run. */
  readonly containers: readonly ContainerName[];
  /** Those whose image's name does not, or may not, mean their image any more. */
  readonly old: readonly { readonly pid: number; readonly startTicks: number; readonly file: FileFacts }[];
}

/** Throws an Error that says what is wrong with an answer, or what the system said. */
export async function askEngine(engine: string, socket: string, signal: AbortSignal): Promise<EngineAnswer> {
  const ask = (path: string, longest: number) => get(socket, path, longest, signal);
  const containers = listedContainers(engine, await ask("/containers/json", LONGEST));
  if (containers === null) throw new Error("its list of containers is not understood");
  const images = listedImages(await ask("/images/json?all=1", LONGEST));
  if (images === null) throw new Error("its list of images is not understood");
  const doubtful = containers.filter((one) => !one.isNameKnown || imageFile(one, images) !== null);
  if (doubtful.length > MOST) throw new Error(`${doubtful.length} containers run another image than their name means`);
  const old: EngineAnswer["old"][number][] = [];
  for (const listed of doubtful) {
    const found = await judged(listed, images, (path) => ask(path, LONGEST_ONE));
    if (found) old.push(found);
  }
  return { containers: containers.map(({ id, name }) => ({ engine, id, name })), old };
}

async function judged(listed: Listed, images: readonly Image[], ask: (path: string) => Promise<string>) {
  const told = inspectedContainer(await ask(`/containers/${listed.id}/json`));
  if (told === null) throw new Error(`what it says of container ${listed.name} is not understood`);
  const startTicks = ticksOf(told.pid);
  if (startTicks === null) return null; // it has ended
  const container = { ...listed, imageName: told.imageName };
  const file = imageFile(container, images);
  const named = file?.image?.named ?? null;
  if (file === null || named === null) return file && { pid: told.pid, startTicks, file };
  const layers = new Map<string, string | null>();
  for (const id of [listed.imageId, named]) layers.set(id, inspectedLayers(await ask(`/images/${id}/json`)));
  const known = images.map((image) => ({ ...image, layers: layers.get(image.id) ?? null }));
  const compared = imageFile(container, known);
  return compared && { pid: told.pid, startTicks, file: compared };
}

function ticksOf(pid: number): number | null {
  if (pid === 0) return null;
  try {
    return readStat(`/proc/${pid}`)?.startTicks ?? null;
  } catch (error) {
    codeOf(error);
    return null;
  }
}

/** Text of an answer with status 200. */
function get(socketPath: string, path: string, longest: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { socketPath, path, method: "GET", headers: { Host: "localhost" }, agent: false, signal } as const;
    const asked = request(options, (answer) => {
      collect(answer, longest).then(resolve, (error: unknown) => {
        asked.destroy();
        reject(error);
      });
    });
    asked.once("error", (error) => reject(signal.aborted ? new Error("it did not answer in time") : told(error)));
    asked.end();
  });
}

async function collect(answer: IncomingMessage, longest: number): Promise<string> {
  if (answer.statusCode !== 200) throw new Error(`it answers with status ${answer.statusCode ?? "?"}`);
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer) {
    parts.push(part as Buffer); // no encoding is set
    size += parts.at(-1)?.length ?? 0;
    if (size > longest) throw new Error("its answer is too long");
  }
  return Buffer.concat(parts).toString("utf8");
}

function told(error: Error): Error {
  const code = "code" in error && typeof error.code === "string" ? error.code : null;
  if (code === null) return error;
  return new Error(/^E[A-Z]+$/.test(code) ? explain(code) : "its answer is no HTTP");
}
