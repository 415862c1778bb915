import { oldResidue, type Scenario } from "./scenario.ts";
import type { Shop } from "./shop.ts";

const why =
  "it belongs to a container: its owner has to rebuild the container, and no unit of the host brings the new library into it";

/** Containers of three engines, from a folder that holds the program, its library and libc: no image is fetched. */
export const containers: readonly Scenario[] = [
  {
    name: "nspawn-container",
    made: "a container of systemd-nspawn@.service runs the program; the library in its tree is replaced",
    answer: oldResidue("container - nspawn:matrix-web1"),
    why,
    notUnits: ["systemd-nspawn@*"],
    needs: "/usr/lib/systemd/system/systemd-nspawn@.service",
    make: async (shop) => {
      const tree = "/var/lib/machines/matrix-web1";
      await makeTree(shop, tree);
      const unit = "systemd-nspawn@matrix-web1.service";
      // The unit would boot a whole system with a network of its own.
      await shop.sh(`mkdir -p /run/systemd/system/${unit}.d; cat >/run/systemd/system/${unit}.d/program.conf <<'END'
[Service]
ExecStart=
ExecStart=systemd-nspawn --quiet --keep-unit --register=no --settings=no --link-journal=no --resolv-conf=off --timezone=off --machine=%i /opt/program --ready=/opt/ready /opt/library.so
END
        systemctl daemon-reload; systemctl start ${unit}`);
      const pid = await inTree(shop, tree);
      await replaceIn(shop, tree);
      return { old: [pid], path: `${tree}/opt/library.so` };
    },
  },
  {
    name: "podman-container",
    made: "podman run --rootfs runs the program in a container of its own; the library in its tree is replaced",
    answer: oldResidue("container - podman:*"),
    why,
    notUnits: ["*.service"],
    needs: "/usr/bin/podman",
    make: async (shop) => {
      const tree = shop.at("root");
      await makeTree(shop, tree);
      await podmanSettings(shop);
      const run = `podman run --detach --name matrix-podman --network=none --rootfs ${tree} /opt/program --ready=/opt/ready /opt/library.so`;
      await inWritableGroups(shop, run);
      const pid = await inTree(shop, tree);
      await replaceIn(shop, tree);
      return { old: [pid], path: `${tree}/opt/library.so` };
    },
  },
  {
    name: "podman-image-renamed",
    made: "a container runs an image that was imported from an archive; a second import takes the image's tag",
    answer: oldResidue("container - podman:matrix-image"),
    why: "no file of the container changed: it goes on with the image it was made of, and its tag means another one",
    notUnits: ["*.service"],
    needs: "/usr/bin/podman",
    make: async (shop) => {
      await podmanSettings(shop);
      const tree = shop.at("root");
      await makeTree(shop, tree);
      const tag = "localhost/matrix:latest";
      await shop.sh(`tar -C ${tree} -cf root.tar .; podman import root.tar ${tag}`);
      const run = `podman run --detach --name matrix-image --network=none --volume ${tree}/opt:/opt ${tag} /opt/program --ready=/opt/ready /opt/library.so`;
      await inWritableGroups(shop, run);
      const pid = await inTree(shop, tree);
      await shop.sh(`echo more >${tree}/more; tar -C ${tree} -cf root.tar .; podman import root.tar ${tag}`);
      return { old: [pid], path: shop.at("root.tar") };
    },
  },
  {
    name: "lxc-container",
    made: "lxc-start runs the program in a container; the library in its tree is replaced",
    answer: oldResidue("container - lxc:matrix-lxc"),
    why,
    notUnits: ["lxc*"],
    needs: "/usr/bin/lxc-start",
    make: async (shop) => {
      const tree = shop.at("root");
      await makeTree(shop, tree);
      await shop.sh(`mkdir -p /var/lib/lxc/matrix-lxc; cat >/var/lib/lxc/matrix-lxc/config <<'END'
lxc.rootfs.path = dir:${tree}
lxc.uts.name = matrix-lxc
lxc.net.0.type = none
lxc.apparmor.profile = unconfined
END
        lxc-start --name matrix-lxc -- /opt/program --ready=/opt/ready /opt/library.so`);
      const pid = await inTree(shop, tree);
      await replaceIn(shop, tree);
      return { old: [pid], path: `${tree}/opt/library.so` };
    },
  },
];

/** Inside of another container overlayfs, sysctls and the controllers of cgroup v1 are not podman's to change. */
async function podmanSettings(shop: Shop): Promise<void> {
  await shop.sh(`mkdir -p /etc/containers
    printf '[containers]\\ndefault_sysctls=[]\\n[engine]\\nevents_logger="file"\\n' >/etc/containers/containers.conf
    printf '[storage]\\ndriver="vfs"\\nrunroot="/run/containers/storage"\\ngraphroot="/var/lib/containers/storage"\\n' >/etc/containers/storage.conf`);
}

async function inWritableGroups(shop: Shop, command: string): Promise<void> {
  await shop.sh(`unshare --mount sh -euc '
    for tree in /sys/fs/cgroup/*/; do mount -o remount,rw,bind $tree 2>/dev/null || true; done; ${command}'`);
}

/** What engines want to find, and what the program needs. */
async function makeTree(shop: Shop, tree: string): Promise<void> {
  await shop.sh(`mkdir -p ${tree}; cp --parents /lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu/libc.so.6 ${tree}
    for folder in proc sys dev run tmp etc var opt usr/lib usr/bin; do mkdir -p ${tree}/$folder; done
    cp program library.so ${tree}/opt; cp /usr/lib/os-release ${tree}/usr/lib; cp /usr/lib/os-release ${tree}/etc
    ln -sfn usr/bin ${tree}/bin; [ ! -e /usr/bin/busybox ] || cp /usr/bin/busybox ${tree}/usr/bin`);
}

/** The pid on the host of the program that has loaded all: what it wrote itself is its number in there. */
async function inTree(shop: Shop, tree: string): Promise<number> {
  const found =
    await shop.sh(`for i in $(seq 200); do [ ! -e ${tree}/opt/ready ] || break; sleep 0.05; done; cat ${tree}/opt/ready >/dev/null
    for file in /proc/[0-9]*; do [ "$(stat -Lc %d:%i "$file/root/opt/library.so" 2>/dev/null)" != "$(stat -c %d:%i ${tree}/opt/library.so)" ] || echo "$(readlink "$file/exe") \${file#/proc/}"; done`);
  const pid = /^\/opt\/program ([0-9]+)$/m.exec(found)?.[1];
  return Number(pid ?? Number.NaN);
}

async function replaceIn(shop: Shop, tree: string): Promise<void> {
  await shop.sh(`cp $new/library.so ${tree}/opt/new; mv ${tree}/opt/new ${tree}/opt/library.so`);
}
