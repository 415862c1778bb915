import { access, constants } from "node:fs/promises";

/** A kind of package. */
export type Format = "deb" | "rpm";

const TOOLS = {
  deb: { part: "dpkg-deb", remedy: "apt-get install dpkg" },
  rpm: { part: "rpmbuild", remedy: "apt-get install rpm" },
} as const;

/** Programs that make packages of these kinds and that this machine lacks. `remedy`: what to do about it. */
export async function missingTools(formats: readonly Format[]): Promise<readonly { part: string; remedy: string }[]> {
  const missing = await Promise.all(
    formats.map(async (one) => ((await isInstalled(TOOLS[one].part)) ? [] : [TOOLS[one]])),
  );
  return missing.flat();
}

async function isInstalled(program: string): Promise<boolean> {
  const places = (process.env.PATH ?? "").split(":").map((directory) => `${directory}/${program}`);
  const found = await Promise.allSettled(places.map((path) => access(path, constants.X_OK)));
  return found.some(({ status }) => status === "fulfilled");
}
