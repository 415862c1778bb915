import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, configReader } from "@afterpatch/agent/config/config";
import { DEFAULT_POLICY } from "@afterpatch/core/policy/defaults";
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";

const OWNER = process.geteuid?.() ?? 0;
const root = mkdtempSync(join(tmpdir(), "afterpatch-agent-file-"));
let folder: string;
let file: string;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
  file = join(folder, "agent.yaml");
});
afterAll(() => rmSync(root, { recursive: true }));

function put(text: string | Uint8Array, mode = 0o644): void {
  writeFileSync(file, text);
  chmodSync(file, mode);
}

async function read(config = file): Promise<Config> {
  return configReader({ config, owner: OWNER })();
}

/** Grace in force, or the message of what is wrong, without the path. */
function said(config: Config): string {
  return config.kind === "policy"
    ? `grace ${config.policy.graceMs}`
    : config.error.message.replaceAll(`${folder}/`, "");
}

describe("a file is read", () => {
  test.each([0o644, 0o600, 0o400, 0o555])("with mode %o", async (mode) => {
    put("grace: 3s", mode);
    expect(said(await read())).toBe("grace 3000");
  });
  test("of 256 kB", async () => {
    put(`grace: 3s\n#${"x".repeat(256 * 1024 - 11)}`);
    expect(said(await read())).toBe("grace 3000");
  });
  test("with a byte order mark and lines of another system", async () => {
    put("\ufeffgrace: 3s\r\nsettle: 4s\r\n");
    expect(said(await read())).toBe("grace 3000");
  });
});

describe("a file is refused", () => {
  test.each<[string, () => unknown, string]>([
    [
      "that the group may write",
      () => put("grace: 3s", 0o664),
      "agent.yaml: others may write it (mode 664); chmod go-w it",
    ],
    [
      "that anybody may write",
      () => put("grace: 3s", 0o646),
      "agent.yaml: others may write it (mode 646); chmod go-w it",
    ],
    [
      "that is a link, though to a good one",
      () => {
        writeFileSync(join(folder, "other"), "grace: 3s");
        symlinkSync("other", file);
      },
      "agent.yaml: is a symbolic link, which is not followed; put the file itself there",
    ],
    [
      "that is a FIFO, without waiting for its writer",
      () => execFileSync("mkfifo", [file]),
      "agent.yaml: is not a regular file",
    ],
    ["that is a directory", () => mkdirSync(file), "agent.yaml: is not a regular file"],
    ["of 256 kB and a byte", () => put("#".repeat(256 * 1024 + 1)), "agent.yaml: is larger than 256 kB"],
    ["of 1 MB", () => put("#".repeat(1024 * 1024)), "agent.yaml: is larger than 256 kB"],
    ["that is no text", () => put(Buffer.from("grace: 3s\n# \xff\xfe", "latin1")), "agent.yaml:2: is not UTF-8 text"],
    ["with a mistake in it", () => put("\ngrace: 3"), "agent.yaml:2: grace: has to be text, and is the number 3"],
  ])("%s", async (_name, make, expected) => {
    make();
    expect(said(await read())).toBe(expected);
  });

  test("that is a socket", async () => {
    const server = createServer().listen(file);
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    expect(said(await read())).toBe("agent.yaml: is not a regular file");
  });

  test("that is a device", async () => {
    expect(said(await read("/dev/null"))).toContain("/dev/null: is not a regular file");
  });

  test("below a file", async () => {
    put("");
    expect(said(await read(join(file, "agent.yaml")))).toContain("cannot be there: a part of the path is no directory");
  });

  test("of somebody else", async () => {
    put("grace: 3s");
    const config = await configReader({ config: file, owner: OWNER + 1 })();
    expect(said(config)).toBe(`agent.yaml: belongs to uid ${OWNER}, and has to belong to root; chown root it`);
  });
});

test("a file that is named has to be there", async () => {
  const config = await read();
  expect(said(config)).toBe("agent.yaml: there is no such file");
  expect(config.kind === "invalid" && config.error.code).toBe("missing");
});

test("without a file the defaults hold", async () => {
  // The default place, where this machine has none.
  const config = await configReader({ config: undefined })();
  if (config.kind === "policy" && config.file === null) expect(config.policy).toEqual(DEFAULT_POLICY);
});

test("a file that changes is read again, mended and spoilt", async () => {
  const reader = configReader({ config: file, owner: OWNER });
  const now = async () => said(await reader());
  put("grace: 3s");
  expect(await now()).toBe("grace 3000");
  put("grace: 3");
  expect(await now()).toContain("agent.yaml:1: grace");
  put("grace: 4s");
  expect(await now()).toBe("grace 4000");
  chmodSync(file, 0o666);
  expect(await now()).toContain("others may write it");
  chmodSync(file, 0o644);
  expect(await now()).toBe("grace 4000");
  rmSync(file);
  expect(await now()).toContain("no such file");
  put("grace: 5s");
  expect(await now()).toBe("grace 5000");
});
