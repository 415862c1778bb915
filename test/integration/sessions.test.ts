import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { copyFileSync, renameSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type SessionsDocument, sessionsOf } from "@afterpatch/agent/look/sessions";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWorkshop, type Workshop, whatIsMissing } from "./old-code.ts";
import { run, until } from "./programs.ts";
import { documentErrors } from "./schemas.ts";

// A real xinetd with a configuration of its own, real connections, and a server program that is replaced in between.

const missing = whatIsMissing() ?? (spawnSync("xinetd", ["-version"]).error ? "no xinetd" : null);

const OPTIONS = { hostId: null, name: "here", now: Date.now };

describe.skipIf(missing !== null)(`sessions${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let shop: Workshop;
  let xinetd: ChildProcess;
  let port: number;
  const clients: Socket[] = [];
  const at = (path: string) => join(shop.folder, path);

  beforeAll(async () => {
    shop = openWorkshop();
    shop.program("maild");
    shop.program("maild.new");
    port = await freePort();
    writeFileSync(at("xinetd.conf"), configuration(port, at("maild")));
    xinetd = spawn("xinetd", ["-dontfork", "-f", at("xinetd.conf"), "-pidfile", at("xinetd.pid")], { stdio: "ignore" });
    await until(() => answers(port));
  });
  afterAll(async () => {
    for (const client of clients) client.destroy();
    for (const { processes } of sessionsOf("aptest", OPTIONS).sessions) {
      for (const { pid } of processes) process.kill(pid, "SIGKILL");
    }
    const ended = new Promise((resolve) => xinetd.once("exit", resolve));
    xinetd.kill("SIGKILL");
    await ended;
    await shop.close();
  });

  test("sessions of one service, with their peers", async () => {
    const first = await session(port, clients);
    renameSync(at("maild.new"), at("maild")); // a reinstall of the same bytes
    const second = await session(port, clients);
    const found = sessionsOf("aptest", OPTIONS);
    const byPeer = new Map(found.sessions.map((open) => [open.peer?.port, open]));
    expect(byPeer.get(first)).toMatchObject({
      service: "aptest",
      owner: { kind: "xinetd-session", manager: "xinetd", name: "aptest" },
      user: "root",
      protocol: "tcp",
      local: { port },
      peer: { address: "127.0.0.1" },
      morePeers: [],
      code: "new",
    });
    expect(byPeer.get(second)?.code).toBe("new");
    expect(byPeer.get(second)?.processes).toHaveLength(1);
    expect(found.sessions.map(({ since }) => since)).toEqual(found.sessions.map(({ since }) => since).sort());
  });

  test("a session whose program was replaced is old", async () => {
    const peer = await session(port, clients);
    copyFileSync("/bin/true", at("maild.other"));
    renameSync(at("maild.other"), at("maild"));
    const found = sessionsOf("aptest", OPTIONS).sessions.find((open) => open.peer?.port === peer);
    expect(found).toMatchObject({ code: "old", verdict: "replaced" });
  });

  test("the document and its schema, and the table", async () => {
    const json = await run("agent", ["sessions", "-o", "json"]);
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 0, stderr: "" });
    expect(documentErrors("sessions", json.stdout)).toEqual([]);
    const document: SessionsDocument = JSON.parse(json.stdout);
    expect(document.services).toContain("aptest");
    expect(document.sessions.length).toBeGreaterThan(0);
    const table = await run("agent", ["sessions", "aptest"]);
    expect(table.stdout).toMatch(
      /^ {2}(old|new) {2}aptest \(xinetd\) {2}from 127\.0\.0\.1:[0-9]+ {2}root {2}since .* UTC {2}pid [0-9]+$/m,
    );
  });

  test("a service that the agent's file keeps is named with the rule, and the exit code says that nothing was done", async () => {
    const config = at("agent.yaml");
    writeFileSync(config, "users: {protected: [root]}\n", { mode: 0o644 });
    const args = ["apply", "--service", "aptest", "--config", config, "--state-dir", at("state")];
    for (const how of [["--yes"], ["--dry-run"]]) {
      const { code, stdout } = await run("agent", [...args, ...how]);
      expect(stdout).toContain(
        "Nothing is done about:\n  aptest: Never: the agent's file keeps the sessions of root (users.protected: root).",
      );
      expect(code).toBe(3);
    }
    const json = await run("agent", [...args, "--yes", "-o", "json"]);
    expect(documentErrors("apply", json.stdout)).toEqual([]);
    expect(JSON.parse(json.stdout)).toMatchObject({ leftOut: [{ name: "aptest", kind: "kept" }] });
    expect(json.code).toBe(3);
  }, 60_000);

  test("plan and apply of the old ones: documents, schemas, and new sessions stay", async () => {
    shop.program("maild.next", 2);
    renameSync(at("maild.next"), at("maild"));
    const fresh = await session(port, clients);
    const plan = await run("agent", ["plan", "-o", "json"]);
    expect(documentErrors("plan", plan.stdout)).toEqual([]);
    const only = ["--only", "end-session", "--service", "aptest", "--grace", "1s", "--settle", "1s"];
    const args = ["apply", ...only, "--yes", "-o", "json", "--state-dir", at("state")];
    const { code, stdout, stderr } = await run("agent", args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(documentErrors("apply", stdout)).toEqual([]);
    expect(JSON.parse(stdout)).toMatchObject({
      steps: [{ remedy: { kind: "end-session", target: "aptest" }, outcome: "done" }],
      ending: { result: "verified" },
    });
    const left = sessionsOf("aptest", OPTIONS).sessions;
    expect(left.map(({ peer }) => peer?.port)).toContain(fresh);
    expect(left.filter(({ code: which }) => which === "old")).toEqual([]);
    const again = ["apply", "--service", "aptest", "--fail-on-residue", "--yes", "--state-dir", at("state")];
    expect(await run("agent", again)).toMatchObject({ code: 0 });
  }, 120_000);

  test("a service that nobody has: exit 6 and the nearest", async () => {
    const { code, stdout, stderr } = await run("agent", ["sessions", "aptets"]);
    expect({ code, stdout }).toEqual({ code: 6, stdout: "" });
    expect(stderr).toMatch(
      /^afterpatch-agent: sessions: no super-server of this host has a service 'aptets' .*; nearest: aptest\n$/,
    );
  });

  test("a service that is configured and has no session", () => {
    expect(sessionsOf("apidle", OPTIONS).sessions).toEqual([]);
  });
});

function configuration(port: number, server: string): string {
  const service = (name: string, number: number, disable: string) => `service ${name}
{
  type = UNLISTED
  socket_type = stream
  protocol = tcp
  port = ${number}
  bind = 127.0.0.1
  wait = no
  user = root
  server = ${server}
  disable = ${disable}
}
`;
  return `defaults\n{\n}\n\n${service("aptest", port, "no")}\n${service("apidle", port + 1, "yes")}`;
}

/** Opens a session and waits until its program says that it is ready; the client's port. */
function session(port: number, clients: Socket[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const client = connect(port, "127.0.0.1");
    clients.push(client);
    client.once("data", () => resolve(client.localPort ?? 0));
    client.once("error", reject);
    client.once("end", () => reject(new Error("the session ended before it was ready")));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const client = connect(port, "127.0.0.1");
    client.once("data", () => {
      client.destroy();
      resolve(true);
    });
    client.once("error", () => resolve(false));
    client.once("end", () => resolve(false));
  });
}
