import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { WhyDocument } from "@afterpatch/agent/look/why";
import type { Finding, Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { describeLab } from "./describe.ts";
import { exec, execOk, type Host } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";
import { OTHER_BUILD_ID } from "./matrix/files.ts";

// Real podman, and images made of archives that the test packs: no registry is asked.

const name = `ct-${process.pid}`;
const patient = { timeout: 120_000 };

await describeLab("containers of podman", () => {
  let payload: Payload;
  let host: Host;
  let agent: Agent;

  const sh = async (script: string, ...words: readonly string[]) =>
    (await execOk(host, ["sh", "-euc", script, "sh", ...words], { timeoutMs: 120_000 })).trim();
  const findings = async () => (await agent.json<Scan>("scan")).findings;
  const web = async (): Promise<readonly Finding[]> =>
    (await findings()).filter(({ owner }) => owner.kind === "container");

  beforeAll(async () => {
    payload = await stagePayload();
    const packages = ["podman", "crun", "busybox-static"];
    host = hostOf(await up({ name, hosts: 1, packages, payload: payload.directory }), 1);
    agent = agentOn(host);
    await sh(`mkdir -p /etc/containers /var/lib/afterpatch/agent
      printf '[containers]\\ndefault_sysctls=[]\\n[engine]\\nevents_logger="file"\\n' >/etc/containers/containers.conf
      printf '[storage]\\ndriver="vfs"\\nrunroot="/run/containers/storage"\\ngraphroot="/var/lib/containers/storage"\\n' >/etc/containers/storage.conf`);
    // Inside of another container the controllers of cgroup v1 are not podman's to change.
    await program(
      "renew",
      `podman rm --force --time 0 web >/dev/null 2>&1 || true
exec unshare --mount sh -euc '
  for tree in /sys/fs/cgroup/*/; do mount -o remount,rw,bind $tree 2>/dev/null || true; done
  podman run --detach --name web --network=none localhost/web:latest' >/dev/null`,
    );
    await image("1");
    await sh("renew");
  }, 300_000);
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  async function program(called: string, script: string): Promise<void> {
    const path = `/usr/local/bin/${called}`;
    await execOk(host, ["sh", "-c", `cat >${path}; chmod 755 ${path}`], { input: `#!/bin/sh\nset -eu\n${script}\n` });
  }

  /** Gives the tag to an image of busybox and a file that says \`version\`. */
  async function image(version: string): Promise<void> {
    await sh(
      `rm -rf /root/image; mkdir -p /root/image/bin /root/image/tmp; cp /bin/busybox /root/image/bin
      ln -s busybox /root/image/bin/sleep; ln -s busybox /root/image/bin/sh; echo "$1" >/root/image/version
      tar --sort=name --mtime=@1 --owner=0 --group=0 -C /root/image -cf /root/image.tar .
      podman import --change 'CMD ["/bin/sleep","1000000"]' /root/image.tar localhost/web:latest`,
      version,
    );
  }

  test("a container of the image that its tag means is no finding", async () => {
    expect(await sh("podman ps --format '{{.Names}} {{.Image}}'")).toBe("web localhost/web:latest");
    const scan = await agent.json<Scan>("scan");
    expect(scan.findings).toEqual([]);
    expect(scan.notes.filter((note) => note.includes("podman"))).toEqual([]);
  });

  test("the tag is given to another image: the container is old, and nothing is done by itself", patient, async () => {
    const before = await sh("podman image inspect --format '{{.Id}}' localhost/web:latest");
    await image("2");
    const after = await sh("podman image inspect --format '{{.Id}}' localhost/web:latest");
    const [finding, ...others] = await web();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      verdict: "replaced",
      kind: "application",
      owner: { kind: "container", manager: null, name: "podman:web" },
      files: [{ path: "localhost/web:latest", kind: "archive", image: { running: before, named: after } }],
      remedy: { kind: "none", automatic: false },
    });
    expect(finding?.process?.command).toBe("/bin/sleep 1000000");
    expect(finding?.remedy.reason).toContain("a rule of the agent's file (applications, match.container)");
    const why = await agent.json<WhyDocument>("why", `${finding?.process?.pid}`);
    expect(why.files[0]).toMatchObject({ kind: "archive", copy: "old", image: { running: before, named: after } });
    const { code } = await exec(host, ["/opt/afterpatch/bin/afterpatch-agent", "apply", "--yes", "--format", "json"]);
    expect(code).toBe(0);
    expect(await sh("podman inspect --format '{{.Image}}' web")).toBe(before);
  });

  test("a file that changes inside is the container's own", patient, async () => {
    await sh(`root=/proc/$(podman inspect --format '{{.State.Pid}}' web)/root
      perl -0777 -pe '${OTHER_BUILD_ID}' $root/bin/busybox >$root/tmp/new; chmod 755 $root/tmp/new
      mv $root/tmp/new $root/bin/busybox`);
    const [finding] = await web();
    expect(finding?.owner).toMatchObject({ kind: "container", name: "podman:web" });
    expect(finding?.files.map(({ kind }) => kind).sort()).toEqual(["archive", "executable"]);
  });

  test("by the administrator's rule it is made anew, and that is proved", patient, async () => {
    const rule = `# by the host's administrator
applications:
  - name: web
    match: { container: web }
    stop: { command: [/usr/local/bin/renew], timeout: 1m }
    start: none
`;
    await execOk(host, ["sh", "-c", "mkdir -p /etc/afterpatch; cat >/etc/afterpatch/agent.yaml"], { input: rule });
    expect((await agent.run("config", "check")).stderr).toBe("");
    const [finding] = await web();
    expect(finding?.remedy).toMatchObject({ kind: "relaunch-application", target: "web", automatic: true });
    const done = await agent.json<ApplyDocument>("apply", "--yes");
    expect(done.steps).toMatchObject([{ remedy: { kind: "relaunch-application", target: "web" }, outcome: "done" }]);
    expect(await web()).toEqual([]);
    const named = await sh("podman image inspect --format '{{.Id}}' localhost/web:latest");
    expect(await sh("podman inspect --format '{{.Image}}' web")).toBe(named);
  });

  test("conmon is the host's own part, whatever the image is", patient, async () => {
    await sh(`perl -0777 -pe '${OTHER_BUILD_ID}' /usr/bin/conmon >/root/conmon
      chmod 755 /root/conmon; cp /root/conmon /usr/bin/conmon.new; mv /usr/bin/conmon.new /usr/bin/conmon`);
    const [finding, ...others] = await findings();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ verdict: "replaced", owner: { kind: "application", name: "/usr/bin/conmon" } });
    expect(finding?.remedy.reason).toContain("the host's own part of the container podman:web");
  });
});
