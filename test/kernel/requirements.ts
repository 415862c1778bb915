import { access, constants } from "node:fs/promises";
import { type Missing, missingRequirements } from "../lab/requirements.ts";

const files = [
  ["qemu-system-x86_64", "/usr/bin/qemu-system-x86_64", "qemu-system-x86"],
  ["qemu-img", "/usr/bin/qemu-img", "qemu-utils"],
  ["sfdisk", "/sbin/sfdisk", "fdisk"],
  ["mke2fs", "/sbin/mke2fs", "e2fsprogs"],
] as const;

/** Everything that virtual machines need and this machine lacks, beside what the lab needs. */
export async function missingForMachines(): Promise<readonly Missing[]> {
  const missing: Missing[] = [...(await missingRequirements())];
  for (const [part, path, debianPackage] of files) {
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!isThere) missing.push({ part, remedy: `apt-get install ${debianPackage}` });
  }
  // The kernels and GRUB are put on the disk by running the guest's own programs.
  if (process.arch !== "x64") missing.push({ part: "an x86-64 processor", remedy: "run it on such a machine" });
  return missing;
}
