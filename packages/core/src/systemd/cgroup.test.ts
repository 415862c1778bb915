import { expect, test } from "vitest";
import { cgroupOwner, cgroupPath, cgroupRoot, relativeCgroup } from "./cgroup.ts";

test.each([
  ["v2", "0::/system.slice/ssh.service\n", "/system.slice/ssh.service"],
  ["hybrid", "9:name=systemd:/system.slice/ssh.service\n4:memory:/\n0::/\n", "/system.slice/ssh.service"],
  [
    "v1 with a name that has colons",
    "1:name=systemd:/system.slice/imaps@2-::1:1993.service\n",
    "/system.slice/imaps@2-::1:1993.service",
  ],
  ["outside of our namespace", "0::/../../x.service\n", null],
  ["no hierarchy", "", null],
])("path: %s", (_name, text, expected) => expect(cgroupPath(text)).toBe(expected));

test.each([
  ["/system.slice/ssh.service", { kind: "unit", unit: "ssh.service" }],
  ["/system.slice/system-getty.slice/getty@tty1.service", { kind: "unit", unit: "getty@tty1.service" }],
  ["/system.slice/_cpu.service", { kind: "unit", unit: "cpu.service" }],
  ["/system.slice/x.service/inner/nginx.service", { kind: "unit", unit: "x.service" }],
  ["/init.scope", { kind: "init" }],
  ["/user.slice/user-1000.slice/session-3.scope", { kind: "session", scope: "session-3.scope" }],
  [
    "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
    { kind: "user-unit", manager: "user@1000.service", unit: "foo.service" },
  ],
  [
    "/user.slice/user-1000.slice/user@1000.service/init.scope",
    { kind: "user-unit", manager: "user@1000.service", unit: null },
  ],
  ["/payload/system.slice/xinetd.service", null],
  ["/", null],
  ["/system.slice", null],
  [`/system.slice/docker-${"a1".repeat(32)}.scope`, { kind: "container", name: "docker:a1a1a1a1a1a1" }],
  [`/docker/${"a1".repeat(32)}`, { kind: "container", name: "docker:a1a1a1a1a1a1" }],
  ["/machine.slice/systemd-nspawn@db.service/payload/system.slice/x.service", { kind: "container", name: "nspawn:db" }],
  ["/machine.slice/machine-web\\x2d1.scope/payload/init.scope", { kind: "container", name: "nspawn:web-1" }],
  [
    `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${"b2".repeat(32)}.scope/container`,
    { kind: "container", name: "podman:b2b2b2b2b2b2" },
  ],
  [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${"a".repeat(8)}_${"b".repeat(4)}_${"c".repeat(4)}_${"d".repeat(4)}_${"e".repeat(12)}.slice/cri-containerd-${"c3".repeat(32)}.scope`,
    { kind: "container", name: "containerd:c3c3c3c3c3c3" },
  ],
  [
    `/kubepods/burstable/pod${"a".repeat(8)}-${"b".repeat(4)}-${"c".repeat(4)}-${"d".repeat(4)}-${"e".repeat(12)}/${"d4".repeat(32)}`,
    { kind: "container", name: "kubernetes:d4d4d4d4d4d4" },
  ],
  ["/lxc.payload.web/system.slice/x.service", { kind: "container", name: "lxc:web" }],
  [
    `/machine.slice/libpod-conmon-${"b2".repeat(32)}.scope`,
    { kind: "unit", unit: `libpod-conmon-${"b2".repeat(32)}.scope` },
  ],
  ["/machine.slice/systemd-nspawn@db.service/supervisor", { kind: "unit", unit: "systemd-nspawn@db.service" }],
  ["/system.slice/docker.service", { kind: "unit", unit: "docker.service" }],
])("%s", (path, expected) => expect(cgroupOwner(path)).toEqual(expected));

test("a tree of systemd that does not begin at the top", () => {
  const root = cgroupRoot("/lxc/web/init.scope");
  expect(relativeCgroup("/lxc/web/system.slice/ssh.service", root)).toBe("/system.slice/ssh.service");
  expect(relativeCgroup("/other", root)).toBe("/other");
  expect(cgroupRoot("/init.scope")).toBe("");
  expect(cgroupRoot("/")).toBe("");
});
