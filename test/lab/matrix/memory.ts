import { current, oldService, type Scenario } from "./scenario.ts";

/** Executable memory that has the name of a deleted file and never was an installed program. */
export const memory: readonly Scenario[] = [
  noProgram("memfd", "memory made with memfd_create(2), as just-in-time compilers do", ["--map=memfd"], true),
  noProgram("memfd-program", "the whole program runs from a memfd", ["--from-memory"]),
  noProgram("tmpfile", "a file made with O_TMPFILE, called /#12345 (deleted)", ["--map=tmpfile"]),
  noProgram("sysv-shm", "a System V segment, called /SYSV00000000 (deleted)", ["--map=sysv"]),
  noProgram("dev-zero", "a shared mapping of /dev/zero, which the kernel calls deleted", ["--map=zero"]),
  noProgram("jit-file", "a file that a code generator wrote, mapped and unlinked, as libffi and JNA do", ["--map=jit"]),
  {
    name: "leader-exited",
    made: "the first thread of the process has exited, other threads go on; then the library is replaced",
    answer: oldService(),
    why: "exe and maps of the process are empty, but its threads run the old build: /proc/PID/task/TID/maps tells",
    inCi: true,
    make: async (shop) => {
      const pid = await shop.start([shop.at("library.so"), "--leader-exits"], { properties: ["Type=simple"] });
      await shop.replace("library.so");
      return { old: [pid], path: shop.at("library.so") };
    },
  },
];

function noProgram(name: string, what: string, args: readonly string[], inCi = false): Scenario {
  return {
    name,
    made: `${what}; mapped executable`,
    answer: current,
    why: "no package ever brought this code and no upgrade replaces it: a restart makes the same again",
    inCi,
    make: async (shop) => {
      const pid = await shop.start([shop.at("library.so"), ...args]);
      return { current: [pid], path: shop.at("library.so.none") };
    },
  };
}
