import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import xterm from "@xterm/headless";
import { expect, onTestFinished, test } from "vitest";
import { hostIn, rollout, useBench } from "./cli-fixtures.ts";

// The live screen of a rollout on a real pseudo-terminal, seen through a terminal emulator.

const bench = useBench();
const ROOT = join(import.meta.dirname, "../..");

interface Seen {
  /** What is written, byte by byte, since the beginning. */
  raw(): string;
  /** Lines of the screen and of what scrolled out above, without the empty ones at the end. */
  lines(): readonly string[];
  /** What stands in the window now. */
  screen(): readonly string[];
  resize(columns: number, rows: number): void;
  type(text: string): void;
  readonly ended: Promise<number | null>;
}

function watched(columns: number, rows: number, words = "rollout watch r1"): Seen {
  const at = `--controller localhost:${bench.controller.port} --credentials ${bench.credentials}`;
  const line = `tty; stty cols ${columns} rows ${rows}; exec sh test/node.sh packages/cli/src/main.ts ${words} ${at}`;
  const env = { PATH: process.env.PATH, HOME: "/nonexistent", TERM: "xterm-256color", TZ: "UTC" };
  const child = spawn("script", ["-qec", line, "/dev/null"], { cwd: ROOT, env, stdio: ["pipe", "pipe", "inherit"] });
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 500 });
  let raw = "";
  child.stdout.on("data", (bytes: Buffer) => {
    raw += bytes.toString();
    terminal.write(bytes);
  });
  const ended = new Promise<number | null>((settle) => child.once("exit", settle));
  onTestFinished(() => void child.kill("SIGKILL"));
  return {
    raw: () => raw,
    lines: () => {
      const buffer = terminal.buffer.active;
      const all = Array.from({ length: buffer.length }, (_, y) => buffer.getLine(y)?.translateToString(true) ?? "");
      return all.slice(0, all.findLastIndex((text) => text !== "") + 1);
    },
    screen: () => {
      const buffer = terminal.buffer.active;
      return Array.from(
        { length: terminal.rows },
        (_, y) => buffer.getLine(buffer.baseY + y)?.translateToString(true) ?? "",
      );
    },
    resize: (cols, next) => {
      const [, tty = ""] = /(\/dev\/pts\/\d+)/.exec(raw) ?? [];
      terminal.resize(cols, next);
      execFileSync("stty", ["-F", tty, "cols", `${cols}`, "rows", `${next}`]);
    },
    type: (text) => child.stdin.write(text),
    ended,
  };
}

const wave = (name: string, state: string, more = {}) => ({
  ...{ name, state, hosts: 4, ended: 1, inHand: 1, failed: 0, after: [], bakeUntil: 0 },
  ...more,
});
const OUTLOOK = {
  waves: [wave("canary", "open"), wave("rest", "blocked", { after: ["canary"] })],
  budgets: [{ name: "zone", group: "a", charged: 1, most: 1 }],
  waits: [{ kind: "budget", why: "zone is full \u001b[2J", hosts: 2, names: ["web03", "web04"], until: 0 }],
  endsAt: 0,
};
const HOSTS = [hostIn("web01", "acting"), hostIn("web02", "failed", { reason: "\u6771\u4eac".repeat(60) })];
const running = (more = {}) => rollout("r1", "DSA-1", { hosts: HOSTS, outlook: OUTLOOK, ...more });
const patient = { timeout: 20_000 };

test("waves, budgets in use, who waits for what, trouble: on one screen that is painted over in place", async () => {
  bench.script.rollouts.set("r1", running());
  const seen = watched(60, 20);
  await expect.poll(() => seen.lines().join("\n"), patient).toMatch(/wave canary \[###\.{9}\] 1\/4 1 in hand/);
  const first = seen.lines();
  expect(first.join("\n")).toMatch(
    /budget zone \(a\): 1 of 1 unavailable, full\n2 hosts wait \(web03, web04\): zone is full \\u\{1b\}/,
  );
  expect(first.some((text) => /^ {2}web02 failed for .*…$/.test(text))).toBe(true);
  const before = seen.raw().length;
  bench.controller.change("r1", { hosts: [hostIn("web01", "done"), HOSTS[1] ?? hostIn("web02", "failed")] });
  await expect.poll(() => seen.lines().join("\n"), patient).toContain("1 done, 1 failed");
  expect(seen.lines().filter((text) => text.startsWith("Rollout r1"))).toHaveLength(1);
  const written = seen.raw().slice(before);
  // Nothing is cleared as a whole: that flickers.
  for (const erased of ["J", "2J", "3J"]) expect(written).not.toContain(`\u001b[${erased}`);
  expect(written).toContain("\u001b[?2026h"); // one synchronized write
  bench.controller.change("r1", { state: "halted", why: "1 failed", outlook: null });
  expect(await seen.ended).toBe(2 + 1);
  expect(seen.lines().filter((text) => text.startsWith("wave "))).toEqual([]);
  expect(seen.lines().join("\n")).toMatch(/Rollout r1 halted/);
  expect(seen.raw().lastIndexOf("\u001b[?25h")).toBeGreaterThan(seen.raw().lastIndexOf("\u001b[?25l"));
});

test.each([
  [30, 8],
  [20, 5],
  [80, 5],
  [110, 40],
])("a window of 80 by 24 that becomes %i by %i shows one whole picture", async (columns, rows) => {
  bench.script.rollouts.set("r1", running());
  const seen = watched(80, 24);
  await expect.poll(() => seen.lines().join("\n"), patient).toContain("wave rest");
  seen.resize(columns, rows);
  bench.controller.change("r1", { hosts: [hostIn("web01", "done"), HOSTS[1] ?? hostIn("web02", "failed")] });
  await expect.poll(() => seen.lines().join("\n"), patient).toMatch(/1 done, 1 failed/);
  const counts = () => {
    const shown = seen.screen();
    return [/^Rollout r1/, /^1 done, 1/].map((one) => shown.filter((text) => one.test(text)).length);
  };
  await expect.poll(counts, patient).toEqual([1, 1]);
  const whole = seen.screen();
  expect(whole.findIndex((text) => text.startsWith("1 done"))).toBe(
    whole.findIndex((text) => text.startsWith("Rollout r1")) + 1,
  );
  bench.controller.change("r1", { state: "finished", hosts: [hostIn("web01", "done")], outlook: null });
  await seen.ended;
});

test("Ctrl-C detaches: the cursor is back, and how to come back and to stop it is said", async () => {
  bench.script.rollouts.set("r1", running());
  const seen = watched(80, 24);
  await expect.poll(() => seen.lines().join("\n"), patient).toContain("wave rest");
  seen.type("\u0003");
  expect(await seen.ended).toBe(130);
  const text = seen.lines().join("");
  expect(text).toContain("detached: rollout r1 goes on; come back with 'afterpatch rollout watch r1'");
  expect(text).toMatch(/stop it with 'afterpatch rollout abort r1'/);
  expect(seen.raw().lastIndexOf("\u001b[?25h")).toBeGreaterThan(seen.raw().lastIndexOf("\u001b[?25l"));
});

test("without a terminal: timestamped lines of waves and of what holds hosts back, and not one escape", async () => {
  bench.script.rollouts.set("r1", running());
  const watching = bench.start("rollout", "watch", "r1");
  await watching.printed("wave canary begins: 4 hosts");
  const gone = [wave("canary", "passed"), wave("rest", "open", { after: ["canary"] })];
  bench.controller.change("r1", { outlook: { ...OUTLOOK, waves: gone, waits: [] } });
  await watching.printed("wave rest begins");
  bench.controller.change("r1", { state: "finished", hosts: [hostIn("web01", "done")], outlook: null });
  const { out, code } = await watching.ended;
  expect(code).toBe(0);
  expect(out).toMatch(/Z 2 hosts \(web03, web04\) cannot begin: zone is full/);
  expect(out).toMatch(
    /Z wave canary has passed\n\S+Z wave rest begins: 4 hosts\n\S+Z no host is held back by a budget any more\n/,
  );
  expect(
    out
      .trim()
      .split("\n")
      .every((text) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ /.test(text)),
  ).toBe(true);
  expect(out).not.toContain("\u001b");
});
