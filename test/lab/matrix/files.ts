import { current, oldService, type Scenario } from "./scenario.ts";
import type { Shop } from "./shop.ts";

/** What happens to the files that a service has mapped. */
export const files: readonly Scenario[] = [
  {
    name: "library-renamed-over",
    made: "a new build of the library is renamed over the one a service has mapped, as dpkg and rpm do",
    answer: oldService(),
    why: "the mapped inode and the one at its path hold different builds",
    inCi: true,
    make: async (shop) => {
      const pid = await shop.start([shop.at("library.so")]);
      await shop.replace("library.so");
      return { old: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "program-renamed-over",
    made: "a new build of the program itself is renamed over the one that runs",
    answer: oldService(),
    why: "the running program is a build that is no longer on the disk",
    make: async (shop) => {
      const pid = await shop.start([]);
      await shop.replace("program");
      return { old: [pid], path: shop.at("program") };
    },
  },
  {
    name: "same-bytes-again",
    made: "a copy with the same bytes is renamed over the mapped library, as a reinstallation does",
    answer: current,
    why: "another inode with the same build: a restart would change nothing",
    inCi: true,
    make: async (shop) => {
      const pid = await shop.start([shop.at("library.so")]);
      await shop.sh("cp library.so library.so.new; mv library.so.new library.so");
      return { current: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "library-removed",
    made: "the mapped library is removed, and nothing takes its place",
    answer: oldService("removed"),
    why: "the code in memory is nowhere on the disk, so nobody can upgrade it",
    inCi: true,
    make: async (shop) => {
      const pid = await shop.start([shop.at("library.so")]);
      await shop.sh("rm library.so");
      return { old: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "program-removed",
    made: "the running program is removed, as the removal of a package leaves a daemon behind",
    answer: oldService("removed"),
    why: "the process runs a program that is no longer installed",
    make: async (shop) => {
      const pid = await shop.start([]);
      await shop.sh("rm program");
      return { old: [pid], path: shop.at("program") };
    },
  },
  {
    name: "written-in-place",
    made: "the new build is copied over the mapped library (cp, rsync --inplace, tar): the inode stays",
    answer: oldService("modified-in-place"),
    why: "relocated pages are the old build's and clean pages the new one's: it runs neither",
    inCi: true,
    make: async (shop) => {
      const pid = await shop.start([shop.at("library.so")]);
      await shop.sh('cp "$new/library.so" library.so');
      return { old: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "code-byte-written",
    made: "after a scan, one byte of the mapped library's code is written over in place: inode, size, build-id and all relocations stay",
    answer: oldService("modified-in-place"),
    why: "threads that were inside the changed code go on in another one; the process's memory shows the new bytes, so only the digest that an earlier scan kept tells, together with that scan's time",
    inCi: true,
    make: async (shop) => {
      const pid = await shop.start([shop.at("library.so")]);
      await scanned(shop, pid);
      await shop.sh(`perl -e 'open F, "+<", "library.so" or die; ${CODE_BYTE}'`);
      return { old: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "same-bytes-written",
    made: "after a scan, the mapped library is written over in place with its own bytes (dd conv=notrunc), and touched",
    answer: current,
    why: "times changed and no byte did",
    inCi: true,
    make: async (shop) => {
      const pid = await shop.start([shop.at("library.so")]);
      await scanned(shop, pid);
      await shop.sh("dd if=$old/library.so of=library.so conv=notrunc status=none; touch library.so");
      return { current: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "touched-only",
    made: "the mapped library gets another mode, other times and a second name; its bytes stay",
    answer: current,
    why: "no byte of the code changed",
    make: async (shop) => {
      const pid = await shop.start([shop.at("library.so")]);
      await shop.sh("chmod 600 library.so; touch library.so; ln library.so library.so.2; chmod 755 library.so");
      return { current: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "hard-link-kept",
    made: "the old library keeps a second hard link while a new build is renamed over its name",
    answer: oldService(),
    why: "old code is old whether or not its inode has links left: the link count is not the test",
    inCi: true,
    make: async (shop) => {
      await shop.sh("ln library.so library.so.kept");
      const pid = await shop.start([shop.at("library.so")]);
      await shop.replace("library.so");
      return { old: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "folder-swapped",
    made: "the application's folder is moved aside and a new one takes its name (mv app app.old; mv app.new app)",
    answer: oldService(),
    why: "the kernel now calls the old files app.old/..., but the name that was started leads to another build",
    inCi: true,
    make: async (shop) => {
      await shop.sh("mkdir app app.new; cp program library.so app; cp $new/program $new/library.so app.new");
      const pid = await shop.start([shop.at("app/library.so")], { command: [shop.at("app/program")] });
      await shop.sh("mv app app.old; mv app.new app");
      return { old: [pid], path: shop.at("app/library.so") };
    },
  },
  {
    name: "link-flipped",
    made: "current -> releases/1 is turned to releases/2, both releases stay on the disk",
    answer: oldService(),
    why: "nothing was deleted, but the name that was started leads to another build now",
    inCi: true,
    make: async (shop) => {
      await shop.sh("mkdir -p releases/1 releases/2; cp program library.so releases/1");
      await shop.sh("cp $new/program $new/library.so releases/2; ln -s releases/1 current");
      const pid = await shop.start([shop.at("current/library.so")], { command: [shop.at("current/program")] });
      await shop.sh("ln -sfn releases/2 current");
      return { old: [pid], path: shop.at("current/library.so") };
    },
  },
  {
    name: "moved-aside",
    made: "mv library.so library.so.bak, then the new build is copied to library.so",
    answer: oldService(),
    why: "the mapping is called library.so.bak and not deleted, but library.so was loaded and is another build now",
    make: async (shop) => {
      const pid = await shop.start([shop.at("library.so")]);
      await shop.sh('mv library.so library.so.bak; cp "$new/library.so" library.so');
      return { old: [pid], path: shop.at("library.so") };
    },
  },
  {
    name: "deleted-data-file",
    made: "a service holds an unlinked log file open; its program and libraries are the ones on the disk",
    answer: current,
    why: "an open data file is no code",
    make: async (shop) => {
      await shop.sh("echo line >old.log");
      const pid = await shop.start([shop.at("library.so"), `--open=${shop.at("old.log")}`]);
      await shop.sh("rm old.log");
      return { current: [pid], path: shop.at("library.so.none") };
    },
  },
  {
    name: "perl-extension",
    made: "a Perl program has loaded an extension module (.so); a new build of the module is renamed over it",
    answer: oldService(),
    why: "an interpreter's compiled modules are libraries like others, mapped by an unchanged interpreter",
    make: async (shop) => {
      await shop.sh("mkdir -p auto/List/Util List; b=/usr/lib/x86_64-linux-gnu/perl-base; cp $b/List/Util.pm List");
      await shop.sh("cp /usr/lib/x86_64-linux-gnu/perl-base/auto/List/Util/Util.so auto/List/Util");
      await shop.sh(`cat >main.pl <<'END'
use List::Util; open my $file, '>', $ENV{READY} or die; print $file $$; close $file; sleep 1000;
END`);
      const run = `systemd-run --unit=${shop.unit} --collect --quiet --setenv=READY="$ready" /usr/bin/perl`;
      const pid = await shop.started(`${run} -I "$PWD" "$PWD/main.pl"`);
      await shop.sh(`cd auto/List/Util; perl -0777 -pe '${OTHER_BUILD_ID}' Util.so >new; mv new Util.so`);
      return { old: [pid], path: shop.at("auto/List/Util/Util.so") };
    },
  },
];

/** A scan that remembers what it saw, of a process that is old enough for it: within a second nothing is first. */
async function scanned(shop: Shop, pid: number): Promise<void> {
  await shop.sh(`mkdir -p /var/lib/afterpatch/agent
    until [ "$(ps -o etimes= -p ${pid})" -ge 3 ]; do sleep 0.2; done
    /opt/afterpatch/bin/afterpatch-agent scan --format json >/dev/null`);
}

/** Perl code that writes the number which version() of an open library returns: mov $1, %eax; ret. */
const CODE_BYTE = String.raw`binmode F; local $/; $_ = <F>; $at = index $_, "\xb8\1\0\0\0\xc3"; $at > 0 or die; seek F, $at + 1, 0; print F "\2"`;

/** Perl code for a library that says it is another build: the first byte of its build-id, elf(5), is turned round. */
export const OTHER_BUILD_ID = String.raw`s/(\x14\0\0\0\x03\0\0\0GNU\0)(.)/$1 . (~$2 & "\xff")/se`;
