import { expect, test } from "vitest";
import { expectQuick } from "../../../../../test/fakes/hostile.ts";
import { nodeEntries, nodeImports, packageOf } from "./node.ts";
import { perlFolders, perlImports, perlLibraries } from "./perl.ts";
import { phpImports } from "./php.ts";
import { pythonFolders, pythonImports } from "./python.ts";
import { rubyImports } from "./ruby.ts";
import { shellImports } from "./shell.ts";

test("Python: import and from, in functions too, over several lines, by name", () => {
  const text = `import os, sys as s; import json
from a.b import (c,  # first
    d as e)
def f():
    from . import x
    from ..up import y
    m = importlib.import_module("late.one")
    n = __import__('late')
# import not_me
x = "import nor_me"
from é import z`;
  expect(pythonImports(text)).toEqual([
    { level: 0, name: "os", names: [] },
    { level: 0, name: "sys", names: [] },
    { level: 0, name: "json", names: [] },
    { level: 0, name: "a.b", names: ["c", "d"] },
    { level: 1, name: "", names: ["x"] },
    { level: 2, name: "up", names: ["y"] },
    { level: 0, name: "late.one", names: [] },
    { level: 0, name: "late", names: [] },
  ]);
  expect(pythonFolders(`sys.path.insert(0, "/usr/share/x")\nsys.path.append('/opt/y')\nsys.path.append(z)`)).toEqual([
    ...["/usr/share/x", "/opt/y"],
  ]);
});

test("Perl: use, require, parents and files; nothing after __END__", () => {
  const text = `use strict; use 5.010; use One::Line;
use v5.36;
use List::Util qw(first);
  require HTTP::Daemon;
require "lib/x.pl";
do './conf.pl';
use parent -norequire, 'Not::Me';
use base qw(Base::One Two);
use lib '/opt/a', "$FindBin::Bin/../lib";
use lib qw(/opt/b $nope);
require $dynamic;
# use Not::That;
__END__
use Not::This;`;
  expect(perlImports(text)).toEqual([
    "One/Line.pm",
    "List/Util.pm",
    "HTTP/Daemon.pm",
    "Base/One.pm",
    "Two.pm",
    "lib/x.pl",
    "./conf.pl",
  ]);
  expect(perlFolders(perlLibraries(text), "/srv/bin")).toEqual(["/opt/a", "/srv/bin/../lib", "/opt/b"]);
});

test("Ruby: require, require_relative, load and autoload with literal names", () => {
  const text = `require 'json'
require_relative("lib/x")
load "y.rb" if z
autoload :Late, "late"
# require 'no'
require "a#{b}"
__END__
require 'data'`;
  expect(rubyImports(text)).toEqual([
    { path: "json", isRelative: false },
    { path: "lib/x", isRelative: true },
    { path: "y.rb", isRelative: false },
    { path: "late", isRelative: false },
  ]);
});

test("Node: require and import in all their forms, without its own modules", () => {
  const text = `const a = require("./a"), b = require('b/c.js');
import x from "x"; import "side";
import { y,
  z } from '@s/p/q';
export * from "./again.mjs";
const late = await import("./late.js");
import fs from "node:fs"; require(dynamic);`;
  expect(nodeImports(text)).toEqual(["./a", "b/c.js", "x", "@s/p/q", "./again.mjs", "./late.js"]);
});

test.each([
  ['{"main":"lib/x.js"}', ".", ["lib/x.js", "index.js"]],
  [
    '{"exports":{".":{"import":"./a.mjs","require":"./a.cjs"},"./b":"./b.js"}}',
    ".",
    ["./a.mjs", "./a.cjs", "index.js"],
  ],
  ['{"exports":{".":"./a.mjs","./b":"./b.js"}}', "./b", ["./b.js"]],
  ['{"exports":{"import":"./a.mjs"}}', "./b", []],
  ["{", ".", []],
  ["null", ".", []],
])("Node: what a package begins with: %s for %s", (text, part, entries) => {
  expect(nodeEntries(packageOf(text), part)).toEqual(entries);
});

test("PHP: literal paths, from the folder of the file or from where it was started", () => {
  const text = `<?php
require_once __DIR__ . '/vendor/autoload.php';
include("x.php"); require 'y/z.php';
require dirname(__FILE__) . "/up.php";
include $dynamic; include "a$b.php";`;
  expect(phpImports(text)).toEqual([
    { path: "vendor/autoload.php", isRelative: true },
    { path: "x.php", isRelative: false },
    { path: "y/z.php", isRelative: false },
    { path: "up.php", isRelative: true },
  ]);
});

test("shell: code that is read by a literal path, not settings", () => {
  const text = `. /lib/lsb/init-functions
[ -r /etc/default/x ] && . /etc/default/x
source "/opt/app/functions.sh"; . "$dir/no.sh"
# . /not/me.sh
. /etc/init.d/functions; . /opt/app/app.conf`;
  expect(shellImports(text)).toEqual(["/lib/lsb/init-functions", "/opt/app/functions.sh", "/etc/init.d/functions"]);
});

test.each([
  ["from ", pythonImports],
  ["use parent ", perlImports],
  ["require ", rubyImports],
  ["import ", nodeImports],
  ["include ", phpImports],
  [". ", shellImports],
] as const)("whatever follows '%s', it is read in no time", (word, read) => {
  expectQuick(read, [word, " ", "(", '"', "'", `${word}(`, `${word}"`, "\n", ".", "\\", "a"]);
});
