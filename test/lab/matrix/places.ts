import { current, oldResidue, oldService, type Scenario } from "./scenario.ts";
import type { Shop } from "./shop.ts";

/** Mounts, roots, namespaces and names that make a path mean something else. */
export const places: readonly Scenario[] = [
  {
    name: "bind-mount-shadow",
    made: "a new build is bind-mounted over the mapped library",
    answer: oldService(),
    why: "the path leads to the new build; the mapped one is underneath, not deleted, and cannot be reached by name",
    inCi: true,
    make: async (shop) => {
      const pid = await shop.start([shop.at("library.so")]);
      await shop.sh('cp "$new/library.so" over.so; mount --bind over.so library.so');
      return { old: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "overlay-lower-file",
    made: "the mapped library is in the lower layer of an overlay; a new build is renamed over it in the merged tree",
    answer: oldService(),
    why: "the lower file keeps its link, so a link count of 0 never comes; the merged path holds another build",
    make: async (shop) => {
      await shop.sh("mkdir layers merged; mount -t tmpfs none layers; cd layers; mkdir lower upper work");
      await shop.sh("cp library.so layers/lower");
      await shop.sh("cd layers; mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none ../merged");
      const pid = await shop.start([shop.at("merged/library.so")]);
      await shop.sh('cd merged; cp "$new/library.so" new; mv new library.so');
      return { old: [pid], path: shop.at("merged/library.so") };
    },
  },
  {
    name: "private-mount-namespace",
    made: "a unit with PrivateTmp=yes and ProtectSystem=full, whose library a new build is renamed over",
    answer: oldService(),
    why: "a mount namespace of its own is no container: its path holds another build, and the unit is the host's",
    inCi: true,
    make: async (shop) => {
      const properties = ["PrivateTmp=yes", "ProtectSystem=full"];
      const pid = await shop.start([shop.at("library.so")], { properties });
      await shop.replace("library.so");
      return { old: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "chroot",
    made: "a service runs in a chroot that holds its own copies; the copy of its library inside is replaced",
    answer: oldService(),
    why: "the path inside the chroot holds another build, and the unit that starts the chroot is the host's",
    inCi: true,
    make: async (shop) => {
      await shop.sh("mkdir -p jail/lib/x86_64-linux-gnu jail/lib64 jail/run/matrix; cp program library.so jail");
      await shop.sh(
        "cp /lib64/ld-linux-x86-64.so.2 jail/lib64; cp /lib/x86_64-linux-gnu/libc.so.6 jail/lib/x86_64-linux-gnu",
      );
      await shop.sh("mkdir -p /run/matrix; mount --bind /run/matrix jail/run/matrix");
      const pid = await shop.start(["/library.so"], { command: ["/usr/sbin/chroot", shop.at("jail"), "/program"] });
      await shop.sh('cp "$new/library.so" jail/new; mv jail/new jail/library.so');
      return { old: [pid], path: shop.at("jail/library.so") };
    },
  },
  {
    name: "name-ends-in-deleted",
    made: "the mapped, unchanged library is really called 'library.so (deleted)'",
    answer: current,
    why: "the file is there and the same; the kernel prints it like one that was deleted",
    make: async (shop) => {
      await shop.sh("cp library.so 'library.so (deleted)'; rm library.so");
      const pid = await shop.start([shop.at("library.so (deleted)")]);
      return { current: [pid], path: shop.at("library.so (deleted)") };
    },
  },
  odd("name-with-newline", "a newline", "$'odd\\nname.so'"),
  odd("name-with-blanks", "blanks, and a word that looks like the kernel's own", "'odd  (deleted) name.so'"),
  odd("name-not-utf8", "bytes that are not UTF-8", "$'odd\\xff\\xfename.so'"),
  {
    name: "container-misleading-cgroup",
    made: "a process of a PID namespace of its own, in a cgroup that ends in /xinetd.service; its library is replaced",
    answer: oldResidue("container - *"),
    why: "it belongs to a container: the host's xinetd.service has nothing to do with it, its owner has to rebuild it",
    notUnits: ["xinetd.service", "xinetd"],
    inCi: true,
    make: async (shop) => {
      const pid = await inContainer(shop);
      await shop.replace("library.so");
      return { old: [pid], path: shop.at("library.so") };
    },
  },
];

/** A file with an odd name, mapped by two services: replaced under one of them, by the time the other starts. */
function odd(name: string, what: string, word: string): Scenario {
  return {
    name,
    made: `the name of the mapped library holds ${what}; a new build is renamed over it, then another service starts`,
    answer: oldService(),
    why: "the path of the first service holds another build; the second has mapped that one",
    make: async (shop) => {
      await shop.sh(`cp library.so ${word}`);
      // systemd takes no arguments with such bytes: a script hands the name over.
      await shop.sh(
        `printf '#!/bin/bash\\nexec %q --ready="$1" %q\\n' "$PWD/program" "$PWD"/${word} >start; chmod 755 start`,
      );
      const start = (unit: string) => `systemd-run --unit=${unit} --collect --quiet -- "$PWD/start" "$ready"`;
      const old = await shop.started(start(shop.unit));
      await shop.sh(`cp "$new/library.so" new; mv new ${word}`);
      const fresh = await shop.started(start(shop.unit.replace(/\.service$/, "-new.service")));
      return { old: [old], current: [fresh], path: shop.at("library.so") };
    },
  };
}

/** The delegated cgroup is named as an engine without systemd's help would name it. */
async function inContainer(shop: Shop): Promise<number> {
  // The trees of cgroup v1, hybrid and v2 that systemd keeps its units in.
  await shop.sh(`cat >start <<'END'
#!/bin/sh
for tree in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
  unit=$tree/system.slice/${shop.unit}
  [ -d "$unit" ] || continue
  mkdir -p "$unit/payload/system.slice/xinetd.service"
  echo $$ >"$unit/payload/system.slice/xinetd.service/cgroup.procs"
done
exec unshare --pid --fork --kill-child "$@"
END
chmod 755 start`);
  await shop.start([shop.at("library.so")], {
    command: [shop.at("start"), shop.at("program")],
    properties: ["Delegate=yes"],
  });
  // What the program took for its pid is another number there.
  const pid = Number((await shop.sh(`pgrep -f '^${shop.at("program")} '`)).trim().split("\n").at(-1));
  await shop.sh(`grep -q '/system.slice/xinetd.service$' /proc/${pid}/cgroup`);
  return pid;
}
