import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { casesIn, junitErrors } from "../integration/junit-xml.ts";
import { describeLab } from "../lab/describe.ts";
import { upgradeLibssl } from "../lab/errata.ts";
import { execOk } from "../lab/host.ts";
import { hostOf } from "../lab/lab.ts";
import { execOnSwitch } from "../lab/switch.ts";
import { LabFleet } from "./fleet.ts";
import { built } from "./payload.ts";
import { example, githubActions, gitlabCi, jenkins, type Pipeline } from "./pipeline-files.ts";

// The examples for pipelines: what their files would have run is run, as they say it, against hosts with a replaced libssl.

await describeLab("pipelines after machines were patched", () => {
  let fleet: LabFleet;
  let token: string;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "afterpatch-pipelines-"));
    fleet = await LabFleet.make(`pipes-${process.pid % 1000}`, 3, () => {});
    await Promise.all(fleet.hosts.map((host) => upgradeLibssl(host)));
    const add = ["operators", "add", "ci", "--role", "operator", "--machine", "--max-hosts", "2"];
    token = (await fleet.cliOk(...add)).trim();
    const [node = "", program = ""] = built("cli", "afterpatch");
    await writeFile(join(directory, "afterpatch"), `#!/bin/sh\nexec ${node} ${program} "$@"\n`);
    await chmod(join(directory, "afterpatch"), 0o755);
  });
  afterAll(async () => {
    await fleet?.remove();
    await rm(directory, { recursive: true, force: true });
  });

  test("GitHub Actions: two hosts are restarted and proved; plan, JUnit and report are there, and no credentials", async () => {
    const values = { "secrets.AFTERPATCH_TOKEN": token, "inputs.reason || 'monthly patches'": "DSA-6001" };
    const pipeline = await githubActions(values);
    const done = await run(pipeline, { PATTERN: "web01,web02" });
    expect([done.code, done.left], done.said).toEqual([0, []]);
    expect(Object.keys(done.files)).toEqual(["after-image-patching.sh", "afterpatch.xml", "plan.json", "report.json"]);
    expect(Object.keys(done.files)).toEqual(expect.arrayContaining([...pipeline.kept]));
    const cases = junitOf(done.files);
    expect(cases[0]).toMatch(/^rollout (\S+) \| rollout \1 \| finished: passed$/);
    expect(cases).toEqual(expect.arrayContaining(["wave 1 | web01 | restart-service ssh.service: passed"]));
    expect(cases).toEqual(expect.arrayContaining(["wave 1 | web02 | proof: passed"]));
    const report = JSON.parse(done.files["report.json"] ?? "");
    expect(report).toMatchObject({ state: "finished", actor: "ci", reason: "DSA-6001", totals: { failed: 0 } });
    for (const host of report.hosts) {
      const ssh = host.items.find(({ id }: { id: string }) => id === "restart-service:ssh.service");
      expect(ssh).toMatchObject({ outcome: "done", planned: true, evidence: expect.stringMatching(/InvocationID/) });
      // No reboot: the scan is of the boot that the permit was for, and later than it.
      expect(host.proof).toMatchObject({ bootId: host.permits.at(-1).bootId, digest: expect.stringMatching(/^\S+$/) });
      expect(host.proof.scannedAt).toBeGreaterThan(host.permits.at(-1).at);
      expect(host.audit.length).toBeGreaterThan(2);
    }
    expect((await fleet.cli("audit", "verify", "--head", report.audit.head)).code).toBe(0);
    expect(done.said).not.toContain(token.split(".")[2]);
  });

  test("GitLab CI: hosts that are proved have nothing to do; more hosts than the machine may are refused", async () => {
    const pipeline = await gitlabCi();
    const secret = join(directory, "token");
    await writeFile(secret, token, { mode: 0o600 });
    const idle = await run(pipeline, { PATTERN: "web01,web02", AFTERPATCH_TOKEN_FILE: secret });
    expect([idle.code, idle.left], idle.said).toEqual([0, []]);
    expect(junitOf(idle.files)).toEqual(expect.arrayContaining(["wave 1 | web01 | proof: passed"]));
    expect(idle.files).not.toHaveProperty("report.json"); // no rollout was made
    const refused = await run(pipeline, { PATTERN: "role=web", AFTERPATCH_TOKEN_FILE: secret });
    expect([refused.code, refused.left], refused.said).toEqual([5, []]);
    expect(refused.said).toContain("3 hosts are selected, and ci may begin rollouts of 2 at most");
    expect(junitOf(refused.files)).toEqual([
      expect.stringMatching(/finished: failure afterpatch: rollout start: 3 hosts are/),
    ]);
  });

  test("Jenkins: a host whose service does not come back fails the pipeline, with what it logged", async () => {
    const pipeline = await jenkins();
    expect(pipeline.kept).toEqual(["afterpatch.xml", "plan.json", "afterpatch.xml", "report.json"]);
    const breaks =
      'mkdir -p "$1"; printf "[Service]\\nExecStartPre=/bin/false\\n" >"$1/x.conf"; systemctl daemon-reload';
    const web03 = hostOf(fleet.lab, "web03");
    await execOk(web03, ["sh", "-euc", breaks, "sh", "/etc/systemd/system/ssh.service.d"]);
    const secret = join(directory, "token");
    const failed = await run(pipeline, { PATTERN: "web03", AFTERPATCH_TOKEN_FILE: secret });
    expect([failed.code, failed.left], failed.said).toEqual([3, []]);
    const cases = junitOf(failed.files);
    expect(cases[0]).toMatch(/finished: failure halted: /);
    expect(cases).toContainEqual(expect.stringMatching(/web03 \| restart-service ssh\.service: failure ./));
    expect(cases).toContainEqual(expect.stringMatching(/web03 \| proof: failure failed: step-failed: /));
    const report = JSON.parse(failed.files["report.json"] ?? "");
    expect(report).toMatchObject({ state: "halted", hosts: [{ name: "web03", state: "failed" }] });
  });

  test("a token that was revoked lets no pipeline in, and nothing of an earlier run is left for its results", async () => {
    const [, id = ""] = token.split(".");
    await fleet.cliOk("token", "revoke", id, "--reason", "was in a log");
    const pipeline = await githubActions({ "secrets.AFTERPATCH_TOKEN": token });
    const refused = await run(pipeline, { PATTERN: "web01", REASON: "DSA-6001" });
    expect([refused.code, refused.left], refused.said).toEqual([5, []]);
    expect(refused.said).toContain("the token was revoked");
    expect(Object.keys(refused.files)).toEqual(["after-image-patching.sh"]);
  });

  /** As a runner does it, in a directory of its own with the script beside it: what it said and left there, and in TMPDIR. */
  async function run({ script, env }: Pipeline, more: Readonly<Record<string, string>>) {
    const workspace = await mkdtemp(join(directory, "workspace-"));
    const temporary = await mkdtemp(join(directory, "tmp-"));
    await writeFile(join(workspace, "after-image-patching.sh"), await example("after-image-patching.sh"));
    await writeFile(join(workspace, "report.json"), "of an earlier run");
    const path = `${directory}:${process.env.PATH ?? ""}`;
    const all = { ...env, ...more, PATH: path, TMPDIR: temporary, HOME: temporary };
    const argv = ["sh", "-ec", `cd "$1"\n${script}`, "sh", workspace];
    const { code, stdout, stderr } = await execOnSwitch(fleet.lab, argv, { env: all, timeoutMs: 400_000 });
    const names = (await readdir(workspace)).toSorted();
    const files = await Promise.all(names.map(async (name) => [name, await readFile(join(workspace, name), "utf8")]));
    const byName: Readonly<Record<string, string>> = Object.fromEntries(files);
    if (code !== 0 && byName["report.json"] === "of an earlier run") throw new Error("report.json is an earlier run's");
    return { code, said: stdout + stderr, left: await readdir(temporary), files: byName };
  }
});

function junitOf(files: Readonly<Record<string, string>>): readonly string[] {
  const xml = files["afterpatch.xml"] ?? "";
  expect(junitErrors(xml)).toBe("");
  return casesIn(xml);
}
