import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import protobuf from "protobufjs";
import { code, page, plain, table } from "./markdown.ts";

const PROTO = resolve(import.meta.dirname, "../../proto");
const PACKAGE = "afterpatch/v1";

/** Services with their methods, messages with every field, words of enumerations: by file, as they stand there. */
export function protoPage(): string {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => (target.startsWith("/") ? target : join(PROTO, target));
  const names = readdirSync(join(PROTO, PACKAGE)).toSorted();
  root.loadSync(
    names.map((name) => `${PACKAGE}/${name}`),
    { alternateCommentMode: true, keepCase: true },
  );
  const all = root.lookup(PACKAGE.replace("/", "."));
  if (!(all instanceof protobuf.Namespace)) throw new Error(`there is no package ${PACKAGE}`);
  return page("Protocol", "`proto/afterpatch/v1/*.proto`", [
    "A field that is empty here says all by its name. Times are epoch milliseconds unless they say otherwise.",
    "",
    ...names.flatMap((name) => [
      `## ${name}`,
      "",
      ...all.nestedArray.filter(({ filename }) => filename?.endsWith(`/${name}`)).flatMap(section),
    ]),
  ]);
}

function section(one: protobuf.ReflectionObject): readonly string[] {
  if (one instanceof protobuf.Service) return [...head(one), ...methods(one)];
  if (one instanceof protobuf.Type) return [...head(one), ...fields(one), ...one.nestedArray.flatMap(section)];
  if (one instanceof protobuf.Enum) return [...head(one), ...words(one)];
  throw new Error(`${one.fullName} is of a kind that proto-page.ts does not know`);
}

function head({ fullName, comment }: protobuf.ReflectionObject): readonly string[] {
  const name = fullName.replace(".afterpatch.v1.", "");
  return [`### ${name}`, "", ...(comment ? [joined(comment), ""] : [])];
}

function methods({ methodsArray }: protobuf.Service): readonly string[] {
  const type = (name: string, isStream: boolean | undefined) => `${isStream ? "stream of " : ""}${linked(name)}`;
  return table(
    ["method", "takes", "answers", "meaning"],
    methodsArray.map((method) => [
      code(method.name),
      type(method.requestType, method.requestStream),
      type(method.responseType, method.responseStream),
      joined(method.comment ?? ""),
    ]),
  );
}

function fields({ fieldsArray }: protobuf.Type): readonly string[] {
  if (fieldsArray.length === 0) return ["No fields.", ""];
  return table(
    ["field", "number", "type", "meaning"],
    fieldsArray.map((field) => [code(field.name), String(field.id), typeOf(field), meaningOf(field)]),
  );
}

function typeOf(field: protobuf.Field): string {
  const type = linked(field.type);
  if (field instanceof protobuf.MapField) return `map of ${field.keyType} to ${type}`;
  const isOptional = field.options?.proto3_optional === true;
  return `${field.repeated ? "repeated " : isOptional ? "optional " : ""}${type}`;
}

/**
 * Fields of which one at most is set say so, but those that may be absent: protobuf makes such a group of each. One
 * without a comment of its own is what its message is.
 */
function meaningOf(field: protobuf.Field): string {
  const { partOf, comment, options, resolvedType } = field.resolve();
  const group = partOf && options?.proto3_optional !== true ? `One of \`${partOf.name}\`. ` : "";
  const [ofType = ""] = (resolvedType?.comment ?? "").split(/(?<=\.)\s(?=[A-Z])/);
  return `${group}${joined(comment ?? ofType)}`.trim();
}

function words(one: protobuf.Enum): readonly string[] {
  return table(
    ["word", "number", "meaning"],
    Object.entries(one.values).map(([word, number]) => [code(word), String(number), joined(one.comments[word] ?? "")]),
  );
}

/** To where a message is told of; scalars are no messages. */
function linked(type: string): string {
  return /^[A-Z]/.test(type) ? `[${type}](#${type.toLowerCase().replaceAll(".", "")})` : type;
}

/** Comments are lines of at most 120 columns; what is code in them stays code. */
function joined(comment: string): string {
  return comment
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith("`") ? code(part.slice(1, -1)) : plain(part)))
    .join("");
}
