/** One line of /proc/PID/mountinfo. */
export interface Mount {
  /** One byte per character, octal escapes undone; as the process sees it. */
  readonly mountPoint: string;
  /** `MAJOR:MINOR` in hexadecimal with at least two digits each, as /proc/PID/maps prints it. */
  readonly device: string;
  readonly type: string;
}

/** Mounts in the order in which they were made visible: a later one hides an earlier one at the same place. */
export function parseMountinfo(text: string): readonly Mount[] {
  return text.split("\n").flatMap((line) => {
    const [left = "", right] = line.split(" - ", 2);
    const [, , device, , mountPoint] = left.split(" ");
    const type = right?.split(" ", 1)[0];
    if (device === undefined || mountPoint === undefined || !type) return [];
    const [major, minor] = device.split(":").map((part) => Number(part).toString(16).padStart(2, "0"));
    return [{ mountPoint: unescapeOctal(mountPoint), device: `${major}:${minor}`, type }];
  });
}

/** The mount that a path lies on, or null. `path` is absolute and holds no symbolic links. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | null {
  let best: Mount | null = null;
  for (const mount of mounts) {
    const at = mount.mountPoint;
    const covers = at === "/" || path === at || (path.startsWith(at) && path[at.length] === "/");
    if (covers && at.length >= (best?.mountPoint.length ?? 0)) best = mount;
  }
  return best;
}

// A touch of these can wait for another machine or for another process, without a deadline.
const REMOTE = new Set([
  "9p",
  "afs",
  "autofs",
  "beegfs",
  "ceph",
  "cifs",
  "coda",
  "davfs",
  "gfs",
  "gfs2",
  "glusterfs",
  "lustre",
  "ncpfs",
  "nfs",
  "nfs4",
  "nfsd",
  "ocfs2",
  "orangefs",
  "pvfs2",
  "smb3",
  "smbfs",
  "virtiofs",
  "vboxsf",
  "vmhgfs",
  "prl_fs",
]);

/** Whether a file system is never touched: network, FUSE, autofs. */
export function isRemote(type: string): boolean {
  return REMOTE.has(type) || type === "fuse" || type.startsWith("fuse.") || type === "fuseblk";
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
