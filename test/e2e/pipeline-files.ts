import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const EXAMPLES = fileURLToPath(new URL("../../deploy/examples/", import.meta.url));

/** What a pipeline's file has run, and with which environment. */
export interface Pipeline {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Files that it keeps. */
  readonly kept: readonly string[];
}

export const example = (name: string): Promise<string> => readFile(join(EXAMPLES, name), "utf8");

/** The one step of the workflow that runs something; expressions become what `values` has for them. */
export async function githubActions(values: Readonly<Record<string, string>>): Promise<Pipeline> {
  const { jobs } = record(parse(await example("github-actions.yml")));
  const { steps } = record(record(jobs).restart);
  if (!Array.isArray(steps)) throw new Error("the job has no steps");
  const run = record(steps.find((step) => "run" in record(step)));
  const keep = record(steps.find((step) => String(record(step).uses).startsWith("actions/upload-artifact@")));
  if (keep.if !== "always()") throw new Error("artifacts are not kept when the step failed");
  const expressed = Object.entries(strings(run.env)).map(([name, value]) => {
    const text = value.replace(/\$\{\{ (.+?) \}\}/g, (_all, expression: string) => values[expression] ?? "");
    return [name, text] as const;
  });
  return { script: String(run.run), env: Object.fromEntries(expressed), kept: lines(record(keep.with).path) };
}

export async function gitlabCi(): Promise<Pipeline> {
  const { stages, ...jobs } = record(parse(await example("gitlab-ci.yml")));
  const job = record(jobs["after-image-patching"]);
  if (!Array.isArray(stages) || !stages.includes(job.stage)) throw new Error("the job's stage is not among the stages");
  const { script, artifacts } = job;
  if (!Array.isArray(script)) throw new Error("the job has no script");
  const { paths, reports, when } = record(artifacts);
  if (!Array.isArray(paths) || when !== "always") throw new Error("artifacts are not kept when the job failed");
  const kept = [...paths.map(String), String(record(reports).junit)];
  return { script: script.map(String).join("\n"), env: strings(job.variables), kept };
}

/** Declarative Groovy, of which the environment and the `sh` blocks are read. */
export async function jenkins(): Promise<Pipeline> {
  const text = await example("Jenkinsfile");
  const blocks = [...text.matchAll(/sh '''\n(.*?)'''/gs)].map(([, block = ""]) => block);
  const [, environment = ""] = /environment \{\n(.*?)\n {2}\}/s.exec(text) ?? [];
  const env = [...environment.matchAll(/^ +([A-Z_]+) = '(.*)'$/gm)].map(([, name = "", value = ""]) => [name, value]);
  const [, always = ""] = /post \{\s+always \{(.*?)\n {4}\}/s.exec(text) ?? [];
  const kept = [...always.matchAll(/(?:testResults|artifacts): '([^']+)'/g)].flatMap(([, names = ""]) =>
    names.split(","),
  );
  return { script: blocks.join("\n"), env: Object.fromEntries(env), kept };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw new Error(`${JSON.stringify(value)} is no map`);
  return { ...value };
}

function strings(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record(value)).map(([name, one]) => [name, String(one)]));
}

function lines(value: unknown): readonly string[] {
  return String(value).trim().split("\n");
}
