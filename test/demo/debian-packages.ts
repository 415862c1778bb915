// Prints the Debian packages that the lab, or with "kernel" its virtual machines, or with "package" `npm run package`, need
// and this machine lacks, on one line, for setup.sh.
import { missingTools } from "../../deploy/package/tools.ts";
import { missingForMachines } from "../kernel/requirements.ts";
import { missingRequirements } from "../lab/requirements.ts";

const INSTALL = "apt-get install ";
const wanted = { kernel: missingForMachines, package: async () => await missingTools(["deb", "rpm"]) };
const missing = await (wanted[process.argv[2] as keyof typeof wanted] ?? missingRequirements)(); // as setup.sh says it
const remedies = missing.map(({ remedy }) => remedy);
const packages = remedies.filter((remedy) => remedy.startsWith(INSTALL)).map((remedy) => remedy.slice(INSTALL.length));
if (packages.length > 0) console.log([...new Set(packages)].join(" "));
