import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** A case as whoever shows results of tests sees it: `SUITE | HOST | NAME: VERDICT MESSAGE`. */
export function casesIn(xml: string): readonly string[] {
  return [...xml.matchAll(/<testsuite name="([^"]*)".*?<\/testsuite>/gs)].flatMap(([suite, name]) =>
    [...suite.matchAll(/<testcase name="([^"]*)" classname="([^"]*)"[^>]*>(.*?)<\/testcase>/gs)].map((match) => {
      const [, one, host, inner = ""] = match;
      const [, verdict = "passed", message = ""] = /<(failure|skipped) message="([^"]*)"/.exec(inner) ?? [];
      return `${name} | ${host} | ${one}: ${verdict} ${message}`.trim();
    }),
  );
}

const XMLLINT = spawnSync("xmllint", ["--version"]).error === undefined;

/** Why the text is no JUnit XML; empty: it is. */
export function junitErrors(xml: string): string {
  if (!XMLLINT) {
    if (process.env.CI) return "xmllint is not installed (libxml2-utils)";
    return /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites .*<\/testsuites>\n$/s.test(xml)
      ? ""
      : "no document";
  }
  const schema = join(import.meta.dirname, "junit.xsd");
  const { status, stderr } = spawnSync("xmllint", ["--nonet", "--noout", "--schema", schema, "-"], { input: xml });
  return status === 0 ? "" : stderr.toString();
}
