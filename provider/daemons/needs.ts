import { accessSync, constants } from "node:fs";

/** What must be installed: an executable, where it may be, and the Debian package that has it. */
interface Need {
    readonly executable: string;
    readonly folders: readonly string[];
    readonly package: string;
}

const system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
const frr = ["/usr/lib/frr", "/usr/local/lib/frr", "/usr/libexec/frr"];

const needs: readonly Need[] = [
    ...["zebra", "bgpd", "staticd", "bfdd"].map((executable) => ({ executable, folders: frr, package: "frr" })),
    { executable: "gobgpd", folders: system, package: "gobgpd" },
    { executable: "bird", folders: system, package: "bird2" },
    { executable: "ip", folders: system, package: "iproute2" },
    { executable: "nft", folders: system, package: "nftables" },
    { executable: "unshare", folders: system, package: "util-linux" },
];

/** Folders in which executables are looked for, after those where Debian puts them. */
function searchPath(): readonly string[] {
    return (process.env.PATH ?? "").split(":").filter((folder) => folder !== "");
}

function find(need: Need, exists: Exists): string | undefined {
    return [...need.folders, ...searchPath()]
        .map((folder) => `${folder}/${need.executable}`)
        .find((path) => exists(path));
}

/** Whether there is an executable file of that path. */
type Exists = (path: string) => boolean;

function isExecutable(path: string): boolean {
    try {
        accessSync(path, constants.X_OK);
        return true;
    } catch {
        return false;
    }
}

/**
 * Full path of an executable that the embedded runtime needs. Outside and inside a sandbox it is the same.
 *
 * @throws Error with the package that has it
 */
export function executable(name: string): string {
    const need = needs.find((candidate) => candidate.executable === name);
    const path = need && find(need, isExecutable);
    if (path === undefined) {
        throw new Error(`${name} is not installed; install it with \`${installCommand([need?.package ?? name])}\``);
    }
    return path;
}

/** Debian packages that have what this machine lacks, without repetition; empty when all is there. */
export function missingPackages(exists: Exists = isExecutable): readonly string[] {
    return [...new Set(lacking(exists).map((need) => need.package))];
}

function lacking(exists: Exists): readonly Need[] {
    return needs.filter((need) => find(need, exists) === undefined);
}

/**
 * Reasons why this machine cannot run a lab, with the one command that changes it; empty when it can. Meant to be
 * asked before anything is created.
 */
export function missing(exists: Exists = isExecutable): readonly string[] {
    const packages = missingPackages(exists);
    if (packages.length === 0) {
        return [];
    }
    const list = lacking(exists).map((need) => need.executable);
    return [`${list.join(", ")} not found; install with \`${installCommand(packages)}\``];
}

function installCommand(packages: readonly string[]): string {
    return `sudo apt-get install -y --no-install-recommends ${packages.join(" ")}`;
}
