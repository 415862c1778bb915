import { current, oldService, type Scenario } from "./scenario.ts";
import type { Shop } from "./shop.ts";

/** Names that lead to one of several files, and unit files that name another one. */
export const names: readonly Scenario[] = [
  {
    name: "alternatives-program",
    made: "a service runs /usr/bin/matrix-editor, which update-alternatives turns from one program in /usr/bin to another; a second service was started by the first program's own name",
    answer: oldService(),
    why: "both programs stay on the disk, but the name that was started leads to another build; who asked for the first one by its own name has it",
    inCi: true,
    make: async (shop) => {
      await shop.sh("cp program /usr/bin/matrix-editor.1; cp $new/program /usr/bin/matrix-editor.2");
      const choice =
        "update-alternatives --quiet --install /usr/bin/matrix-editor matrix-editor /usr/bin/matrix-editor";
      await shop.sh(`${choice}.1 10; ${choice}.2 5`);
      const own = { unit: otherUnit(shop), command: ["/usr/bin/matrix-editor.1"] };
      const fresh = await shop.start([], own);
      const pid = await shop.start([], { command: ["/usr/bin/matrix-editor"] });
      await shop.sh("update-alternatives --quiet --set matrix-editor /usr/bin/matrix-editor.2");
      return { old: [pid], current: [fresh], path: "/usr/bin/matrix-editor" };
    },
  },
  {
    name: "alternatives-library",
    made: "a service has loaded libmatrix.so.3, which update-alternatives turns from one library to another, as libblas.so.3 is chosen",
    answer: oldService(),
    why: "both libraries stay on the disk; whoever loads libmatrix.so.3 now gets the other one",
    inCi: true,
    make: async (shop) => {
      const folder = "/usr/lib/x86_64-linux-gnu";
      const link = `${folder}/libmatrix.so.3`;
      for (const [number, source] of [
        [1, "library.so"],
        [2, "$new/library.so"],
      ] as const) {
        const own = `${folder}/matrix-${number}`;
        await shop.sh(`mkdir -p ${own}; cp "${source}" ${own}/libmatrix.so.3.11.0
          ln -s libmatrix.so.3.11.0 ${own}/libmatrix.so.3
          update-alternatives --quiet --install ${link} libmatrix.so.3 ${own}/libmatrix.so.3 $((9 - ${number}))`);
      }
      const pid = await shop.start(["libmatrix.so.3"]);
      await shop.sh(`update-alternatives --quiet --set libmatrix.so.3 ${folder}/matrix-2/libmatrix.so.3`);
      return { old: [pid], path: link };
    },
  },
  unitFile("unit-file-changed", "then daemon-reload; the service goes on", "; systemctl daemon-reload"),
  unitFile("unit-file-not-reloaded", "and systemd has not read it again (NeedDaemonReload=yes)", ""),
];

function unitFile(name: string, what: string, afterwards: string): Scenario {
  return {
    name,
    made: `ExecStart= of a running service's unit file names another program now, ${what}`,
    answer: current,
    why: "every file that it has mapped is on the disk as it was: which program a unit starts is configuration, and what an administrator changes there takes effect when they say so; a package that moves its program removes the old file, which is found",
    inCi: true,
    make: async (shop) => {
      const file = `/run/systemd/system/${shop.unit}`;
      await shop.sh("cp program other");
      const unit = (program: string) =>
        `printf '[Service]\\nExecStart=%s/${program} --ready=%s/main\\n' "$PWD" "$PWD" >${file}`;
      await shop.sh(`${unit("program")}; systemctl daemon-reload; systemctl start ${shop.unit}`);
      const pid = await shop.sh("for i in $(seq 200); do [ ! -e main ] || break; sleep 0.05; done; cat main");
      await shop.sh(`${unit("other")}${afterwards}`);
      return { current: [Number(pid)], path: shop.at("program") };
    },
  };
}

function otherUnit({ unit }: Shop): string {
  return unit.replace(/\.service$/, "-other.service");
}
