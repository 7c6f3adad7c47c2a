import { missingPackages } from "../provider/daemons/needs";

/** Prints the Debian packages that this machine lacks, on one line; nothing when all are there. */
export async function run(): Promise<number> {
    const packages = missingPackages();
    if (packages.length > 0) {
        console.log(packages.join(" "));
    }
    return 0;
}
