import "../ca/issue.ts"; // readies @peculiar/x509
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { expect, test } from "vitest";
import { identityOf } from "./peer.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
type Name = x509.JsonGeneralName;

async function certificate(subject: string, names: readonly Name[]): Promise<Uint8Array> {
  const extensions = names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...names])];
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: subject,
    keys,
    extensions,
    signingAlgorithm: algorithm,
    serialNumber: "01ab",
  });
  return new Uint8Array(made.rawData);
}

const uri = (value: string): Name => ({ type: "url", value });
const HOST = uri("spiffe://afterpatch/host/01JDAAAAAAAAAAAAAAAAAAAAAA");
const CAROL = uri("spiffe://afterpatch/user/carol");

test("a host, and an operator in a role", async () => {
  expect(identityOf(await certificate("CN=x", [HOST]))).toEqual({
    kind: "host",
    id: "01JDAAAAAAAAAAAAAAAAAAAAAA",
    serial: "01AB",
  });
  expect(identityOf(await certificate("CN=carol,OU=viewer", [CAROL]))).toEqual({
    kind: "operator",
    name: "carol",
    role: "viewer",
    serial: "01AB",
  });
});

test.each([
  ["no name at all", "CN=carol,OU=admin", []],
  ["two hosts", "CN=x", [HOST, HOST]],
  ["a host and an operator", "CN=carol,OU=admin", [HOST, CAROL]],
  ["a host and a DNS name", "CN=x", [HOST, { type: "dns", value: "ctl" }]],
  ["a URI in a DNS name", "CN=x", [{ type: "dns", value: "URI:spiffe://afterpatch/host/01JDAAAAAAAAAAAAAAAAAAAAAA" }]],
  ["a second name inside the URI", "CN=x", [uri(`${HOST.value}, URI:x`)]],
  ["another trust domain", "CN=x", [uri("spiffe://evil/host/01JDAAAAAAAAAAAAAAAAAAAAAA")]],
  ["another case", "CN=x", [uri("SPIFFE://afterpatch/host/01JDAAAAAAAAAAAAAAAAAAAAAA")]],
  ["a percent escape", "CN=x", [uri("spiffe://afterpatch/host/%301JDAAAAAAAAAAAAAAAAAAAA")]],
  ["an operator without a role", "CN=carol", [CAROL]],
  ["an operator in an unknown role", "CN=carol,OU=root", [CAROL]],
  ["an operator in two roles", "CN=carol,OU=viewer,OU=admin", [CAROL]],
  ["an operator whose subject is another", "CN=dave,OU=admin", [CAROL]],
  ["an operator's name with a line break", "CN=carol\\0AOU=admin", [uri("spiffe://afterpatch/user/carol")]],
] as const)("%s is nobody", async (_name, subject, names) => {
  expect(identityOf(await certificate(subject, names))).toBeNull();
});
