import { expect, test } from "vitest";
import { packageRelease } from "./expected.ts";
import { isUniqueBuild, splitRelease } from "./release.ts";

test.each([
  ["Debian", "6.1.0-56-amd64", "6.1.0-56", "amd64"],
  ["Debian's cloud kernel", "6.1.0-56-cloud-amd64", "6.1.0-56", "cloud-amd64"],
  ["Debian since 6.12", "6.12.117+deb12-cloud-amd64", "6.12.117+deb12", "cloud-amd64"],
  ["a backport", "6.1.0-0.deb11.13-amd64", "6.1.0-0.deb11.13", "amd64"],
  ["Debian on old PCs", "6.1.0-56-686-pae", "6.1.0-56", "686-pae"],
  ["Ubuntu", "5.15.0-100-generic", "5.15.0-100", "generic"],
  ["Ubuntu with large pages", "6.8.0-31-generic-64k", "6.8.0-31", "generic-64k"],
  ["RHEL", "5.14.0-427.13.1.el9_4.x86_64", "5.14.0-427.13.1.el9_4", "x86_64"],
  ["RHEL's debug kernel", "5.14.0-427.13.1.el9_4.x86_64+debug", "5.14.0-427.13.1.el9_4", "x86_64+debug"],
  ["RHEL real-time", "4.18.0-553.rt7.342.el8_10.x86_64", "4.18.0-553.rt7.342.el8_10", "x86_64 rt"],
  ["Oracle's own", "5.15.0-200.131.27.el9uek.x86_64", "5.15.0-200.131.27.el9uek", "x86_64 uek"],
  ["ELRepo", "6.9.1-1.el9.elrepo.x86_64", "6.9.1-1.el9.elrepo", "x86_64 elrepo"],
  ["Fedora", "6.8.4-200.fc39.aarch64", "6.8.4-200.fc39", "aarch64"],
  ["SUSE", "6.4.0-150600.23.7-default", "6.4.0-150600.23.7", "default"],
  ["Arch", "6.9.1-arch1-1", "6.9.1-arch1-1", "arch"],
  ["Arch zen", "6.9.1-zen1-1-zen", "6.9.1-zen1-1", "zen"],
  ["Arch lts", "6.6.30-1-lts", "6.6.30-1", "lts"],
  ["Alpine", "6.6.30-0-virt", "6.6.30-0", "virt"],
  ["Raspberry Pi", "6.6.28+rpt-rpi-v8", "6.6.28+rpt", "rpi-v8"],
  ["Proxmox", "6.8.4-2-pve", "6.8.4-2", "pve"],
  ["a micro VM", "6.18.44-fc-v509", "6.18.44", "fc-v509"],
  ["built by hand", "6.9.0", "6.9.0", ""],
])("%s: %s", (_name, release, version, flavour) => expect(splitRelease(release)).toEqual({ version, flavour }));

test.each([
  ["linux-image-6.1.0-56-cloud-amd64", "6.1.0-56-cloud-amd64"],
  ["linux-image-unsigned-5.15.0-100-generic", "5.15.0-100-generic"],
  ["linux-image-6.12.117+deb12-amd64", "6.12.117+deb12-amd64"],
  ["linux-image-amd64", null],
  ["linux-image-6.12-cloud-amd64", null],
  ["linux-image-6.1.0-56-cloud-amd64-dbg", null],
  ["linux-image-generic", null],
])("the release of package %s is %s", (name, release) => expect(packageRelease(name)).toBe(release));

test.each([
  ["5.14.0-427.13.1.el9_4.x86_64", true],
  ["6.8.4-200.fc39.aarch64", true],
  ["6.4.0-150600.23.7-default", false],
  ["6.1.0-56-amd64", false],
])("a rebuilt kernel cannot be called %s as well: %s", (release, unique) =>
  expect(isUniqueBuild(release)).toBe(unique),
);
