import { spawn } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { controller, dataDirectories, expectOneLine, PORTS } from "./controller-process.ts";

// The controller's file, as serve and check-config read it.

const data = dataDirectories();

function file(name: string, text: string, mode = 0o644): string {
  const path = join(data.folder(), name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test("check-config tells every mistake with file, line and key, and what holds of a good file", () => {
  const bad = file("bad.yaml", "ports:\n  flet: 1\nreportInterval: soon\n");
  const ended = controller(["check-config", "--config", bad]);
  expect([ended.status, ended.stdout]).toEqual([5, ""]);
  expect(ended.stderr).toBe(
    `afterpatch-controller: ${bad}:2: ports.flet: unknown key; did you mean fleet?\n` +
      `afterpatch-controller: ${bad}:3: reportInterval: has to be a duration like 90s or 5m, and is "soon"\n`,
  );
  const good = file("good.yaml", "reportInterval: 10m\n");
  const held = controller(["check-config", "--config", good]);
  expect(held.stdout).toContain(`${good}: agents report every 10m, lost after 20m`);
  expect([held.status, held.stderr]).toEqual([0, ""]);
});

test.each<[string, () => string, RegExp]>([
  ["is not there", () => "/nonexistent/c.yaml", /c\.yaml: cannot be read: it does not exist; /],
  ["others may write", () => file("open.yaml", "", 0o666), /open\.yaml: others may write it; chmod go-w it/],
  ["is a directory", () => data.folder(), /is not a regular file/],
  ["has mistakes", () => file("m.yaml", "a: 1\nb: 2\n"), /m\.yaml:1: a: unknown key.*\(and 1 more\); 'after/],
])("serve begins with no file that %s", (_name, path, message) => {
  const ended = controller(["serve", "--data-dir", data.fresh(), "--config", path(), ...PORTS]);
  expectOneLine(ended, 5, message);
});

test("a mistake on the command line is told before one in the file", () => {
  const bad = file("bad2.yaml", "a: 1\n");
  const ended = controller(["serve", "--data-dir", data.fresh(), "--config", bad, "--port", "x"]);
  expectOneLine(ended, 5, /--port/);
});

test("serve runs by the file, and a flag wins", async () => {
  const dataDir = data.copyOf();
  const taken = 17_489;
  const good = file("run.yaml", `listen: 127.0.0.1\nports: {fleet: 0, enrol: 0, http: ${taken}}\n`);
  const words = ["packages/controller/src/main.ts", "serve", "--data-dir", dataDir, "--config", good];
  const child = spawn("sh", ["test/node.sh", ...words, "--http-port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const ready = await new Promise<Record<string, unknown>>((resolve) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      for (const line of text.split("\n").slice(0, -1)) {
        const said: unknown = JSON.parse(line);
        if (typeof said === "object" && said !== null && "msg" in said && said.msg === "controller ready")
          resolve({ ...said });
      }
    });
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  expect(ready).toMatchObject({ address: "127.0.0.1" });
  expect(ready.fleet).not.toBe(7443);
  expect(ready.http).not.toBe(taken);
  expect(JSON.parse(readFileSync(join(dataDir, "run/ports.json"), "utf8"))).toMatchObject({ fleet: ready.fleet });
  child.kill("SIGTERM");
  await ended;
  expect(existsSync(join(dataDir, "run/ports.json"))).toBe(false);
});
