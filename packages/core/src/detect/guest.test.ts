import { expect, test } from "vitest";
import { factsOf, process, unit } from "../../../../test/fakes/host-facts.ts";
import { guestOf } from "./guest.ts";
import { indexOf } from "./host.ts";
import { ownerOf } from "./owner.ts";
import { remedyOf } from "./remedy.ts";

const QEMU = "/usr/bin/qemu-system-x86_64";

test.each([
  ["/usr/bin/qemu-system-x86_64 -name guest=web,debug-threads=on -S", "web"],
  ["/usr/libexec/qemu-kvm -name web -m 512", "web"],
  ["/usr/bin/kvm -m 512", "pid 7"],
  ["/usr/bin/qemu-system-x86_64 -name debug-threads=on", "pid 7"],
  ["/usr/bin/qemu-system-x86_64 -m 512 -name", "pid 7"],
  ["/usr/bin/qemu-img -name web", null],
  ["/usr/sbin/libvirtd -name web", null],
])("%s", (command, guest) => {
  const argv = command.split(" ");
  expect(guestOf(process(7, "/", { executable: argv[0] ?? "", argv }))).toBe(guest);
});

test.each([
  ["libvirt's scope", "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator"],
  ["a service of somebody's", "/system.slice/web-vm.service"],
])("%s does not own it, nor is it restarted", (_what, cgroup) => {
  const emulator = process(7, cgroup, { executable: QEMU, argv: [QEMU, "-name", "guest=web"] });
  const host = indexOf(factsOf([emulator], [unit("web-vm.service", { mainPid: 7 })]));
  const owner = ownerOf(emulator, host);
  expect(owner).toEqual({ kind: "virtual-machine", manager: null, name: "web" });
  const judged = { owner, process: emulator, verdict: "replaced", programRemoved: false, unknown: null } as const;
  expect(remedyOf(judged, host)).toMatchObject({ kind: "none", target: "web", automatic: false });
});
