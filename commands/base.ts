/** The base of a comparison: what a git commit makes of its stacks. */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Revision, revisionFormat } from "../review/revision";
import { UsageError } from "./options";
import { runProgram } from "./program";
import { stacksIn } from "./stacks";

/** The files of a commit in a folder of their own, with this checkout's packages. */
export interface Base {
    readonly ref: string;
    readonly folder: string;
    /** Stacks that have a file there. */
    readonly stacks: readonly string[];
    /** What somebody who reads a comparison with it should know. */
    readonly notes: readonly string[];
}

/**
 * Does work on the files of a commit, which are removed again in any case. They are exported rather than checked out,
 * so that git knows nothing of them.
 *
 * @param ref a git revision, as `git rev-parse` takes it
 * @throws UsageError when this is no git checkout, or has no such commit
 */
export async function withBase<T>(ref: string, signal: AbortSignal, work: (base: Base) => Promise<T>): Promise<T> {
    const commit = await commitOf(ref, signal);
    const temporary = mkdtempSync(join(tmpdir(), "bgp-lab-base-"));
    try {
        const folder = join(temporary, "files");
        await exportFiles(commit, temporary, folder, signal);
        symlinkSync(realpathSync("node_modules"), join(folder, "node_modules"));
        const notes = [...packageNotes(ref, folder), ...(await historyNotes(ref, commit, signal))];
        return await work({ ref, folder, stacks: stacksIn(folder), notes });
    } finally {
        rmSync(temporary, { recursive: true, force: true });
    }
}

async function git(args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
    const { code, stdout } = await runProgram("git", args, { signal });
    return code === 0 ? stdout.trim() : undefined;
}

async function commitOf(ref: string, signal: AbortSignal): Promise<string> {
    const commit = await git(["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`], signal);
    if (commit !== undefined) {
        return commit;
    }
    const shallow = await runProgram("git", ["rev-parse", "--is-shallow-repository"], { signal });
    if (shallow.code !== 0) {
        throw new UsageError(`BASE needs a git checkout of the project: ${shallow.stderr.trim()}`);
    }
    const way =
        shallow.stdout.trim() === "true"
            ? `this clone is shallow: git fetch --depth=1 origin ${ref} gets a commit, git fetch --unshallow all of them`
            : "git fetch gets what is new, git branch --all lists names";
    throw new UsageError(`there is no commit ${ref} here; ${way}`);
}

async function exportFiles(commit: string, temporary: string, folder: string, signal: AbortSignal): Promise<void> {
    const archive = join(temporary, "files.tar");
    mkdirSync(folder);
    for (const [program, ...args] of [
        ["git", "archive", "--format=tar", `--output=${archive}`, commit],
        ["tar", "-xf", archive, "-C", folder],
    ] as const) {
        const { code, stderr } = await runProgram(program, args, { signal });
        signal.throwIfAborted();
        if (code !== 0) {
            throw new Error(`the files of ${commit} cannot be exported: ${stderr.trim()}`);
        }
    }
}

function packageNotes(ref: string, folder: string): readonly string[] {
    const [here, there] = [".", folder].map((each) => lockOf(each));
    return here === there
        ? []
        : [`package-lock.json differs: the code of ${ref} ran with the packages of this checkout.`];
}

function lockOf(folder: string): string {
    const file = join(folder, "package-lock.json");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** What the base has and the present commit has not would show as if this change undid it. */
async function historyNotes(ref: string, commit: string, signal: AbortSignal): Promise<readonly string[]> {
    const missing = Number(await git(["rev-list", "--count", `HEAD..${commit}`], signal));
    return missing > 0
        ? [
              `${ref} has ${missing} commit${missing === 1 ? "" : "s"} that this checkout has not; they show as undone. BASE=$(git merge-base HEAD ${ref}) leaves them out.`,
          ]
        : [];
}

/** What a commit makes of its stacks, by stack. */
export interface BaseRevisions {
    readonly revisions: ReadonlyMap<string, Revision>;
    /** Set where it is not its own code that planned them. */
    readonly notes: readonly string[];
}

/**
 * What a commit's own code makes of stacks; what the present code does where that one cannot say.
 *
 * @param stacks that have a file in the base
 */
export async function baseRevisions(
    base: Base,
    stacks: readonly string[],
    signal: AbortSignal,
): Promise<BaseRevisions> {
    if (stacks.length === 0) {
        return { revisions: new Map(), notes: [] };
    }
    const own = await ownRevisions(base, stacks, signal);
    if (own.kind === "revisions") {
        return { revisions: own.revisions, notes: [] };
    }
    return {
        revisions: await revisionsOf(".", stacks, signal, base.folder),
        notes: [`${base.ref} ${own.why}: its stack files were planned by the present code, whose changes do not show.`],
    };
}

type OwnRevisions =
    | { readonly kind: "revisions"; readonly revisions: ReadonlyMap<string, Revision> }
    | { readonly kind: "none"; readonly why: string };

async function ownRevisions({ folder }: Base, stacks: readonly string[], signal: AbortSignal): Promise<OwnRevisions> {
    if (!existsSync(join(folder, "commands/revision.ts"))) {
        return { kind: "none", why: "cannot describe its labs yet" };
    }
    try {
        const revisions = await revisionsOf(folder, stacks, signal);
        return [...revisions.values()].every(({ format }) => format === revisionFormat)
            ? { kind: "revisions", revisions }
            : { kind: "none", why: "describes its labs in another form" };
    } catch (error) {
        signal.throwIfAborted();
        return { kind: "none", why: `cannot describe its labs (${firstLine(error)})` };
    }
}

/**
 * What a checkout's code makes of stacks, in a process of its own.
 *
 * @param checkout folder of the code
 * @param files folder of the stack files
 * @throws Error with what the process said when it failed
 */
export async function revisionsOf(
    checkout: string,
    stacks: readonly string[],
    signal: AbortSignal,
    files?: string,
): Promise<ReadonlyMap<string, Revision>> {
    const named = stacks.map((stack) => `--stack=${stack}`);
    const args = ["scripts/run.cjs", "revision", ...named, ...(files === undefined ? [] : [`--folder=${files}`])];
    const { code, stdout, stderr } = await runProgram(process.execPath, args, { cwd: checkout, signal });
    signal.throwIfAborted();
    if (code !== 0) {
        throw new Error(stderr.trim() || `revision ended with exit code ${code}`);
    }
    const revisions = JSON.parse(stdout) as readonly Revision[];
    return new Map(revisions.map((revision) => [revision.stack, revision]));
}

function firstLine(error: unknown): string {
    return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}
