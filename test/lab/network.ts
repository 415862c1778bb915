import { mkdir, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { must } from "./commands.ts";
import type { Host } from "./host.ts";
import { isErrorOf } from "./processes.ts";

/** The switch's own address: whatever runs in its namespace, the controller say, is reached here by all hosts. */
export const controllerAddress = "10.77.0.254";
export const controllerAddress6 = "fd77::fe";

/** Addresses of the lab's nth host, counted from 1. Every lab has a network of its own, so they may be alike. */
export function hostAddresses(number: number): Pick<Host, "address" | "address6"> {
  return { address: `10.77.0.${number}`, address6: `fd77::${number.toString(16)}` };
}

/** /etc/hosts of all hosts, and of what runs in the switch's namespace. */
export function hostsFile(hosts: readonly Host[]): string {
  const lines = ["127.0.0.1 localhost", `${controllerAddress} ctl.example.net ctl`];
  return `${[...lines, ...hosts.map(({ address, name }) => `${address} ${name}`)].join("\n")}\n`;
}

/** A namespace with a bridge in it, and one namespace per host with a cable to it; nothing leads out. */
export async function makeNetwork(switchNamespace: string, hosts: readonly Host[]): Promise<void> {
  // ip-netns(8): "ip netns exec" shows the files in this folder as those in /etc.
  await mkdir(join("/etc/netns", switchNamespace), { recursive: true });
  await writeFile(join("/etc/netns", switchNamespace, "hosts"), hostsFile(hosts));
  await must(["ip", "netns", "add", switchNamespace]);
  await inNamespace(switchNamespace, [
    "link set lo up",
    "link add br0 type bridge",
    `address add ${controllerAddress}/24 dev br0`,
    `address add ${controllerAddress6}/64 dev br0 nodad`,
    "link set br0 up",
  ]);
  for (const host of hosts) {
    await must(["ip", "netns", "add", host.namespace]);
    await inNamespace(switchNamespace, [
      `link add ${host.switchPort} type veth peer name eth0 netns ${host.namespace}`,
      `link set ${host.switchPort} master br0 up`,
    ]);
    await inNamespace(host.namespace, [
      "link set lo up",
      `address add ${host.address}/24 dev eth0`,
      `address add ${host.address6}/64 dev eth0 nodad`,
      "link set eth0 up",
    ]);
  }
}

/** Removes what `makeNetwork` made, or the part of it that it came to. */
export async function removeNetwork(switchNamespace: string, hosts: readonly Host[]): Promise<void> {
  const present = await namespaces();
  for (const namespace of [...hosts.map((host) => host.namespace), switchNamespace]) {
    if (present.includes(namespace)) await must(["ip", "netns", "delete", namespace]);
  }
  await rm(join("/etc/netns", switchNamespace), { recursive: true, force: true });
  if ((await entries("/etc/netns")).length === 0) await rmdir("/etc/netns").catch(() => undefined); // Another lab's now.
}

/** Pulls the host's cable out of the switch; everything on the host goes on. */
export async function cutOff(host: Host): Promise<void> {
  await inNamespace(host.switchNamespace, [`link set ${host.switchPort} down`]);
}

export async function reconnect(host: Host): Promise<void> {
  await inNamespace(host.switchNamespace, [`link set ${host.switchPort} up`]);
}

/** Named network namespaces of this machine. */
export function namespaces(): Promise<readonly string[]> {
  return entries("/run/netns");
}

async function inNamespace(namespace: string, commands: readonly string[]): Promise<void> {
  await must(["ip", "-netns", namespace, "-batch", "-"], { input: `${commands.join("\n")}\n` });
}

async function entries(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isErrorOf(error, "ENOENT")) return [];
    throw error;
  }
}
