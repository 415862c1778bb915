import fc from "fast-check";
import { expect, test } from "vitest";
import { foldHosts, unfold } from "./ranges.ts";
import { select } from "./select.ts";

const host = (name: string, groups: readonly string[] = [], labels: Record<string, string> = {}) => ({
  name,
  groups,
  labels,
});

const FLEET = [
  host("web01", ["web"], { role: "web", zone: "a" }),
  host("web02", ["web"], { role: "web", zone: "b" }),
  host("web03", ["web", "canary"], { role: "web", zone: "a" }),
  host("db1.example.net", ["db"], { role: "db", zone: "a" }),
  host("db2.example.net", ["db", "canary"], { role: "db-replica", zone: "b" }),
  host("h01"),
  host("h02"),
  host("h03"),
  host("2001:db8::5"),
];
const ALL = FLEET.map((each) => each.name);

test.each<[string, string, readonly string[]]>([
  ["all hosts", "all", ALL],
  ["a group", "web", ["web01", "web02", "web03"]],
  ["a host", "h02", ["h02"]],
  ["groups and hosts joined by a comma, in the order written", "h02,web", ["h02", "web01", "web02", "web03"]],
  ["groups joined by a colon", "canary:h01", ["web03", "db2.example.net", "h01"]],
  ["a host named twice", "web01,web,web01", ["web01", "web02", "web03"]],
  ["an intersection", "web:&canary", ["web03"]],
  ["an exclusion", "web,!canary", ["web01", "web02"]],
  ["unions first, then &, then !, however written", "all:!canary:&web", ["web01", "web02"]],
  [
    "only an exclusion starts from all",
    "!h0*",
    ["web01", "web02", "web03", "db1.example.net", "db2.example.net", "2001:db8::5"],
  ],
  ["only an intersection starts from all", "&db", ["db1.example.net", "db2.example.net"]],
  ["a glob over host names", "*.example.net", ["db1.example.net", "db2.example.net"]],
  ["a glob over groups and hosts", "can*", ["web03", "db2.example.net"]],
  ["a character set", "h0[13]*", ["h01", "h03"]],
  ["a negated character set", "h0[!13]*", ["h02"]],
  ["a question mark", "h0?", ["h01", "h02", "h03"]],
  ["a glob matches hosts beside groups", "w*", ["web01", "web02", "web03"]],
  ["first of a group", "web[0]", ["web01"]],
  ["last of a group", "web[-1]", ["web03"]],
  ["a slice of a group, both ends included", "web[0:1]", ["web01", "web02"]],
  ["an open slice", "web[1:]", ["web02", "web03"]],
  ["a subscript of a glob", "h0*[0]", ["h01"]],
  ["a subscript of all", "all[1:2]", ["web02", "web03"]],
  ["a range of hosts where no group has that name", "h[01:03]", ["h01", "h02", "h03"]],
  ["a range with a step", "h[01:03:2]", ["h01", "h03"]],
  ["a range inside a name", "db[1:2].example.net", ["db1.example.net", "db2.example.net"]],
  ["a range of hosts beside a group of that name, with its step", "web[01:02:1]", ["web01", "web02"]],
  ["a regular expression, from the start of names", "~h0[12]", ["h01", "h02"]],
  ["one that is in the middle of names", "~.*example", ["db1.example.net", "db2.example.net"]],
  [
    "one with a colon inside, after a comma",
    "h01,~(?:web|db)$",
    ["h01", "web01", "web02", "web03", "db1.example.net", "db2.example.net"],
  ],
  ["one that is excluded", "web:!~web0[23]$", ["web01"]],
  ["a regular expression matches groups", "~can", ["web03", "db2.example.net"]],
  ["a set of ClusterShell", "@nodeset:h[01-02]", ["h01", "h02"]],
  ["its commas do not separate", "@nodeset:h[01,03]:web01", ["h01", "h03", "web01"]],
  ["sets with signs and steps", "all,&@nodeset:h[01-03/2],!@nodeset:h03", ["h01"]],
  ["a label", "role=web", ["web01", "web02", "web03"]],
  ["a label's glob", "role=db*", ["db1.example.net", "db2.example.net"]],
  ["labels intersected", "role=web:&zone=a", ["web01", "web03"]],
  ["a label excluded", "role=web,!zone=a", ["web02"]],
  ["first host of a label", "role=web[0]", ["web01"]],
  ["an IPv6 address survives", "2001:db8::5", ["2001:db8::5"]],
  ["an excluded IPv6 address survives", "h0*,!2001:db8::5", ["h01", "h02", "h03"]],
  ["spaces and empty terms", " web01 , ,h01,", ["web01", "h01"]],
])("%s: %s", (_name, pattern, expected) => {
  expect(select(pattern, FLEET)).toEqual({
    kind: "selected",
    hosts: expected.map((name) => FLEET.find((each) => each.name === name)),
  });
});

test.each<[string, string, readonly string[], readonly (readonly string[])[]]>([
  ["a misspelt host", "wbe01", ["wbe01"], [["web01", "web02", "web03"]]],
  ["a misspelt group", "wen", ["wen"], [["web"]]],
  ["a misspelt label", "role=wbe", ["role=wbe"], [["role=web", "role=db"]]],
  ["a misspelt key", "rloe=web", ["rloe=web"], [["role=web"]]],
  ["a misspelt exclusion does not select more", "all,!canray", ["canray"], [["canary"]]],
  ["every term that matches nothing", "web,x1x1x1x1,y2y2y2y2", ["x1x1x1x1", "y2y2y2y2"], [[], []]],
  ["a subscript of no group", "h0[123]", ["h0[123]"], [["h01", "h02", "h03"]]],
  ["a slice read as a range that has gaps", "h[01:05]", ["h[04:05]"], [["h01", "h02", "h03"]]],
  ["a subscript beyond the group", "web[3]", ["web[3]"], [["web"]]],
  ["a negative subscript beyond the group", "web[-4]", ["web[-4]"], [["web"]]],
  ["a glob does not reach the implied group all", "a*", ["a*"], [[]]],
  ["with a comma a colon separates nothing", "web:db,h01", ["web:db"], [[]]],
])("%s is unmatched: %s", (_name, pattern, terms, nearest) => {
  const selection = select(pattern, FLEET);
  const unmatched = selection.kind === "unmatched" ? selection.terms : [];
  expect(unmatched.map((each) => each.term)).toEqual(terms);
  for (const [index, names] of nearest.entries())
    expect(unmatched[index]?.nearest.slice(0, names.length)).toEqual(names);
});

test.each([
  ["terms that leave nothing", "web:&db"],
  ["an exclusion of everything", "web,!all"],
])("%s: %s", (_name, pattern) => expect(select(pattern, FLEET)).toMatchObject({ kind: "empty" }));

test("a fleet without hosts is empty, also for all", () => expect(select("all", [])).toMatchObject({ kind: "empty" }));

test.each([
  ["nothing", "", /empty/],
  ["only separators", " , ", /empty/],
  ["a sign alone", "web,!", /no name behind/],
  ["two signs", "&!web", /more than one sign/],
  ["a regular expression with a reference", "~(w)eb\\1", /'\\1' is not known/],
  ["many regular expressions", "~a,".repeat(21), /more than 20/],
  ["a file of terms", "@retry.txt", /for --limit/],
  ["a set that is none", "@nodeset:web[a-c]", /no number/],
  ["a slice with a negative begin", "web[-2:]", /cannot be negative/],
  ["a slice that runs backwards", "web[2:1]", /backwards/],
  ["a range that runs backwards", "h[3:1]", /backwards/],
  ["a range with unequal padding", "h[01:010]", /same number of digits/],
  ["a range of a number and a letter", "h[1:b]", /mixes/],
  ["a range and a glob", "h[01:02]*", /mixes a range and a glob/],
  ["a range of more names than anybody has", "h[0:99999999]", /more than 100000 names/],
  ["Ansible's removed hyphen subscript", "web[0-9]", /colon/],
  ["not equal", "role!=web", /!role=web/],
  [
    "a range that is not closed",
    "web[01",
    /^'web\[01': the '\[' at character 4 is never closed; write web\[01:50\] or web\[0\]$/,
  ],
  ["a range that is not closed, before a comma", "h01,web[01:02,h02", /^'web\[01:02': the '\[' at character 4/],
  ["a range that is not closed, at a colon", "web[01:02", /'web\[01': the '\[' at character 4/],
  ["a set that is not closed", "h0[!12", /^'h0\[!12': the '\[' at character 3/],
  ["a bracket that is not closed behind one that is", "h[01:02]x[3", /at character 10/],
  ["a bracket that was never opened", "web01]", /^'web01\]': the '\]' at character 6 closes nothing/],
  ["a label's set that is not closed", "role=[wd", /at character 6 is never closed/],
])("%s is refused: %s", (_name, pattern, why) => {
  const selection = select(pattern, FLEET);
  expect(selection).toMatchObject({ kind: "invalid", why: expect.stringMatching(why) });
});

test.each<[string, string]>([
  ["a name", "x".repeat(100_000)],
  ["one of several terms", `web01,${"x".repeat(100_000)},h01`],
  ["an unclosed bracket", `web[${"0".repeat(100_000)}`],
  ["a glob", "*x".repeat(50_000)],
  ["a range", `web[01:${"0".repeat(100_000)}]`],
  ["a label", `role=${"x".repeat(100_000)}`],
  ["a regular expression", `~${"x".repeat(100_000)}`],
])("%s of 100 kB is refused in few words", (_name, pattern) => {
  const why = expect.stringMatching(/^a term of it is longer than 1000 characters: '.{1,80}'$/);
  expect(select(pattern, FLEET)).toMatchObject({ kind: "invalid", why });
});

test.each<[string, string]>([
  ["a range that stands for many names", `web[1:500000]${"x".repeat(900)}`],
  ["a range with many digits", `web[01:${"0".repeat(900)}]`],
  ["a regular expression", `~${"(".repeat(900)}`],
  ["a set of ClusterShell", `@nodeset:${"[".repeat(900)}`],
  ["two signs", `&!${"x".repeat(900)}`],
  ["not equal", `role!=${"x".repeat(900)}`],
  ["an unclosed bracket", `web[${"0".repeat(900)}`],
])("what is said of %s of 900 characters is short", (_name, pattern) => {
  const selection = select(pattern, FLEET);
  expect(selection.kind === "invalid" ? selection.why.length : Number.NaN).toBeLessThan(300);
});

const aName = fc
  .tuple(
    fc.constantFrom("web", "db", "rack1-node", "10.0.0.", "n"),
    fc.oneof(fc.nat({ max: 12 }), fc.nat({ max: 120 })),
    fc.constantFrom(0, 2, 3),
    fc.constantFrom("", ".dc2", "-b"),
  )
  .map(([prefix, number, width, suffix]) => prefix + String(number).padStart(width, "0") + suffix);

test("a folded set selects exactly itself, in a fleet that has more hosts", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(aName, { minLength: 1, maxLength: 60 }),
      fc.uniqueArray(aName),
      fc.boolean(),
      (set, others, hasGroups) => {
        const groups = hasGroups ? ["web", "n", "db"] : [];
        const fleet = [...new Set([...set, ...others])].map((name) => host(name, groups));
        const selection = select(foldHosts(set, new Set(groups)), fleet);
        expect(selection.kind === "selected" && selection.hosts.map((each) => each.name).sort()).toEqual(
          [...set].sort(),
        );
      },
    ),
  );
});

test("unfolding undoes folding", () => {
  fc.assert(
    fc.property(fc.uniqueArray(aName, { maxLength: 80 }), (set) => {
      const unfolded = unfold(foldHosts(set));
      expect(unfolded.kind === "names" && [...unfolded.names].sort()).toEqual([...set].sort());
    }),
  );
});

test("no text makes it throw, and what it selects is in the fleet once", () => {
  const text = fc.string({ unit: fc.constantFrom(..."web0123[]:,!&*?=-~. abdh"), maxLength: 30 });
  fc.assert(
    fc.property(text, (pattern) => {
      const selection = select(pattern, FLEET);
      if (selection.kind !== "selected") return;
      expect(selection.hosts.length).toBeGreaterThan(0);
      expect(new Set(selection.hosts).size).toBe(selection.hosts.length);
    }),
    { numRuns: 2_000 },
  );
});
