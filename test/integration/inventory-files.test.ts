import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readInventory } from "@afterpatch/cli/inventory/read";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "afterpatch-inventory-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(name: string, text: string): string {
  writeFileSync(join(folder, name), text, { mode: 0o644 });
  return join(folder, name);
}

test.each<[string, string, string, RegExp]>([
  [
    "a plugin's configuration",
    "aws.yml",
    "plugin: aws_ec2\n",
    /aws\.yml: is the configuration.*ansible-inventory -i .* --list > FILE/,
  ],
  ["a script", "hosts", "#!/bin/sh\n", /is a script, and programs are not run/],
  ["a list of hosts", "hosts.yml", "web:\n  hosts:\n    - web1\n", /hosts\.yml:3: hosts of group 'web' is no mapping/],
  ["YAML that is none", "hosts.yml", "web:\n  hosts: [\n", /hosts\.yml:\d+: /],
  ["a range that runs backwards", "hosts", "[web]\nweb[3:1]\n", /hosts:2: 'web\[3:1\]': .*runs backwards/],
])("%s is refused", async (_name, file, text, message) => {
  await expect(readInventory([put(file, text)])).rejects.toMatchObject({
    exit: 5,
    message: expect.stringMatching(message),
  });
});

test("an executable file is not run", async () => {
  const path = put("hosts", "web1\n");
  chmodSync(path, 0o755);
  await expect(readInventory([path])).rejects.toMatchObject({ exit: 5, message: expect.stringMatching(/executable/) });
});

test("values that are encrypted or templates are passed over", async () => {
  const path = put(
    "hosts.yml",
    "web:\n  hosts:\n    web1:\n      a: !vault |\n        $ANSIBLE_VAULT\n      b: '{{ x }}'\n",
  );
  expect([...(await readInventory([path])).hosts]).toEqual(["web1"]);
});

test("what ansible-inventory prints is read", async () => {
  const path = put("printed", '{"_meta": {"hostvars": {}}, "all": {"children": ["web"]}, "web": {"hosts": ["web1"]}}');
  expect([...((await readInventory([path])).groups.get("web")?.hosts ?? [])]).toEqual(["web1"]);
});

test("a directory is read in the order of its names, without what Ansible ignores", async () => {
  mkdirSync(join(folder, "group_vars"));
  put("group_vars/web", "x: 1\n");
  put("b", "web2\n");
  put("a.yaml", "web:\n  hosts:\n    web1:\n");
  for (const ignored of [".hidden", "old.bak", "c.ini", "b~"]) put(ignored, "no1\n");
  expect([...(await readInventory([folder, "n1,n2,"])).hosts]).toEqual(["web1", "web2", "n1", "n2"]);
});
