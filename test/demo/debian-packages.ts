// Prints the Debian packages that the lab, or with "kernel" its virtual machines, need and this machine lacks, on one
// line, for setup.sh.
import { missingForMachines } from "../kernel/requirements.ts";
import { missingRequirements } from "../lab/requirements.ts";

const INSTALL = "apt-get install ";
const missing = process.argv[2] === "kernel" ? await missingForMachines() : await missingRequirements();
const remedies = missing.map(({ remedy }) => remedy);
const packages = remedies.filter((remedy) => remedy.startsWith(INSTALL)).map((remedy) => remedy.slice(INSTALL.length));
if (packages.length > 0) console.log([...new Set(packages)].join(" "));
