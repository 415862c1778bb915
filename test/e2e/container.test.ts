import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../../deploy/bundling.ts";
import { describeLab } from "../lab/describe.ts";
import { execOk, type Host } from "../lab/host.ts";
import { down, hostOf, up } from "../lab/lab.ts";
import { executableOf } from "./packages.ts";

const name = `container-${process.pid}`;
const RUN =
  "podman run --network=host --read-only --cap-drop=all --security-opt=no-new-privileges --volume afterpatch:/var/lib/afterpatch";

// Real podman. No registry can be asked: the base is made of the libraries of a Debian 12, which is what the named one is.
await describeLab("the controller's container file", () => {
  let context: string;
  let host: Host;

  beforeAll(async () => {
    context = await mkdtemp(join(tmpdir(), "afterpatch-container-"));
    await mkdir(join(context, "sea"));
    await cp(executableOf("afterpatch-controller"), join(context, "sea/afterpatch-controller"));
    await cp(join(ROOT, "dist/container"), join(context, "container"), { recursive: true });
    host = hostOf(await up({ name, hosts: 1, packages: ["podman", "crun", "buildah"], payload: context }), 1);
    await sh(`mkdir -p /etc/containers
      printf '[containers]\\ncgroups="disabled"\\ndefault_sysctls=[]\\n[engine]\\nevents_logger="file"\\nruntime="crun"\\n' >/etc/containers/containers.conf
      printf '[storage]\\ndriver="vfs"\\nrunroot="/run/containers/storage"\\ngraphroot="/var/lib/containers/storage"\\n' >/etc/containers/storage.conf`);
    await sh(`cd / && tar --create --dereference --file /root/base.tar lib64/ld-linux-x86-64.so.2 \
      lib/x86_64-linux-gnu/libdl.so.2 lib/x86_64-linux-gnu/libstdc++.so.6 lib/x86_64-linux-gnu/libm.so.6 \
      lib/x86_64-linux-gnu/libgcc_s.so.1 lib/x86_64-linux-gnu/libpthread.so.0 lib/x86_64-linux-gnu/libc.so.6`);
    await sh("podman import /root/base.tar localhost/base:latest");
  });
  afterAll(async () => {
    await down(name);
    await rm(context, { recursive: true, force: true });
  });

  const sh = async (script: string) => (await execOk(host, ["sh", "-euc", script], { timeoutMs: 300_000 })).trim();

  test("builds", async () => {
    const build = "podman build --pull=never --build-arg BASE=localhost/base:latest --tag afterpatch-controller";
    await sh(`${build} --file /opt/afterpatch/container/Containerfile /opt/afterpatch`);
    expect(await sh(`${RUN} --rm afterpatch-controller --version`)).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test("makes a CA in a new volume and serves, as a user without rights, until it is stopped", async () => {
    await sh(`${RUN} --rm afterpatch-controller init --data-dir /var/lib/afterpatch/controller --name ctl.example.net`);
    await sh(`${RUN} --detach --name afterpatch afterpatch-controller`);
    const ready = "/usr/bin/afterpatch-controller ready --data-dir /var/lib/afterpatch/controller --wait 60s";
    expect(await sh(`podman exec afterpatch ${ready}`)).toMatch(/^Serves: fleet port 7443, enrol port 7444, /);
    const pid = await sh("podman inspect --format '{{.State.Pid}}' afterpatch");
    expect(await sh(`grep -E '^(Uid|CapEff|NoNewPrivs)' /proc/${pid}/status | tr '\\n\\t' '; '`)).toMatch(
      /Uid: 65532 65532 65532 65532;NoNewPrivs: 1|Uid: 65532 65532 65532 65532;CapEff: 0{16};NoNewPrivs: 1/,
    );
    await sh("podman cp afterpatch:/var/lib/afterpatch/controller/admin /root/admin");
    expect(await sh("ls /root/admin")).toContain("ca.crt");
    await sh("podman stop --time 20 afterpatch");
    expect(await sh("podman inspect --format '{{.State.ExitCode}}' afterpatch")).toBe("0");
  });
});
