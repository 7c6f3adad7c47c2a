import { execFile } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** What a root file system is made of. */
export interface RootfsRecipe {
    /** Debian packages that are wanted; what they depend on comes along. */
    readonly packages: readonly string[];
    /** Lines of /etc/passwd after root's. */
    readonly users: readonly string[];
    /** Lines of /etc/group after root's. */
    readonly groups: readonly string[];
    /** Files by path; those with `executable` are programs. */
    readonly files: Readonly<Record<string, { readonly text: string; readonly executable?: boolean }>>;
    /** Symbolic links by path, to their targets. */
    readonly links: Readonly<Record<string, string>>;
    /** Folders that must exist. */
    readonly folders: readonly string[];
}

/** Options by which apt resolves for an empty system, and leaves this machine's alone. */
function aptFor(archives: string): readonly string[] {
    const options = [
        "Dir::State::status=/dev/null",
        `Dir::Cache::archives=${archives}`,
        "Debug::NoLocking=true",
        // Downloads as the user that runs it, who can write to the archives.
        "APT::Sandbox::User=",
        "APT::Install-Recommends=false",
    ];
    return [...options.flatMap((option) => ["-o", option]), "-qq", "-y"];
}

/** Why packages cannot be had here; undefined where they can. */
export async function packagesMissing(): Promise<string | undefined> {
    if (!existsSync("/etc/debian_version")) {
        return "images are made from Debian packages, and this is not Debian";
    }
    const programs = ["apt-get", "dpkg-deb", "tar"];
    const found = await Promise.all(programs.map((program) => execute("which", [program]).catch(() => undefined)));
    const absent = programs.filter((_, index) => found[index] === undefined);
    return absent.length === 0 ? undefined : `images are made with ${absent.join(" and ")}, which is missing`;
}

/** Where apt keeps what it knows about packages. */
const lists = "/var/lib/apt/lists";

/** What tells one state of apt's knowledge from another: the versions of packages follow from it. */
export function packageLists(): readonly string[] {
    return readdirSync(lists)
        .filter((name) => name.endsWith("InRelease") || name.endsWith("Packages"))
        .map((name) => `${name} ${statSync(join(lists, name)).mtimeMs}`)
        .sort();
}

/**
 * Downloads packages with what they depend on into `folder`; apt checks their signatures.
 *
 * @throws Error if apt does not know one of them or cannot fetch it
 */
export async function downloadPackages(names: readonly string[], folder: string): Promise<void> {
    mkdirSync(join(folder, "partial"), { recursive: true });
    await execute("apt-get", [...aptFor(`${folder}/`), "--download-only", "install", ...names]);
}

/** Folders that Debian keeps elsewhere; packages still name them here. */
const moved = {
    "/bin": "usr/bin",
    "/sbin": "usr/sbin",
    "/lib": "usr/lib",
    "/lib64": "usr/lib64",
    "/var/run": "../run",
    "/var/lock": "../run/lock",
};

/** What no program reads. */
const unread = ["./usr/share/doc/*", "./usr/share/man/*", "./usr/share/locale/*", "./usr/share/info/*"];

/**
 * Unpacks packages into a root file system. Their maintainer scripts do not run, so that it needs no root and no chroot;
 * what those scripts would have made and a container needs is in the recipe.
 */
export async function makeRootfs(recipe: RootfsRecipe, archives: string, root: string): Promise<void> {
    for (const [path, target] of Object.entries(moved)) {
        link(root, path, target);
        mkdirSync(resolve(root, dirname(path).slice(1), target), { recursive: true });
    }
    const excluded = unread.map((pattern) => `--exclude=${pattern}`);
    for (const file of readdirSync(archives).filter((name) => name.endsWith(".deb"))) {
        await unpack(join(archives, file), ["--keep-directory-symlink", ...excluded, "-C", root]);
    }
    for (const folder of ["dev", "proc", "sys", "tmp", "var/tmp", "root", ...recipe.folders]) {
        mkdirSync(join(root, folder), { recursive: true });
    }
    for (const [path, target] of Object.entries(recipe.links)) {
        link(root, path, target);
    }
    write(root, "/etc/passwd", `root:x:0:0:root:/root:/bin/sh\n${recipe.users.map((line) => `${line}\n`).join("")}`);
    write(root, "/etc/group", `root:x:0:\n${recipe.groups.map((line) => `${line}\n`).join("")}`);
    for (const [path, { text, executable }] of Object.entries(recipe.files)) {
        write(root, path, text, executable ? 0o755 : 0o644);
    }
    await linkBusybox(root);
}

function unpack(file: string, options: readonly string[]): Promise<unknown> {
    return execute("sh", [
        "-c",
        'package=$1; shift; dpkg-deb --fsys-tarfile "$package" | tar -x "$@"',
        "sh",
        file,
        ...options,
    ]);
}

function write(root: string, path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode });
}

/** Makes a link where nothing is yet. */
function link(root: string, path: string, target: string): void {
    const place = join(root, path);
    mkdirSync(dirname(place), { recursive: true });
    if (lstatSync(place, { throwIfNoEntry: false }) === undefined) {
        symlinkSync(target, place);
    }
}

/** Busybox stands for every program that no package brought; Debian's leaves the links to its administrator. */
async function linkBusybox(root: string): Promise<void> {
    const busybox = join(root, "usr/bin/busybox");
    if (!existsSync(busybox)) {
        return;
    }
    const { stdout } = await execute(busybox, ["--list-full"]);
    for (const path of stdout.split("\n").filter((line) => line !== "")) {
        link(root, path, "/bin/busybox");
    }
}
