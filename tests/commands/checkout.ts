import {
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type Run, root, runProgram } from "../e2e/lab";

/** A git checkout of the project that a test may change, with everything in it that is not committed here. */
export interface Checkout {
    readonly folder: string;
    /** Where its commands are told to put temporary files; empty when they have cleaned up. */
    readonly temporary: string;
    /** Runs git. @throws Error when it fails */
    git(...args: string[]): Promise<string>;
    /** Commits all files; gives the commit. */
    commit(message: string): Promise<string>;
    write(path: string, text: string): void;
    /** Replaces text in a file. @throws Error when the file does not have it */
    edit(path: string, text: string, by: string): void;
    remove(path: string): void;
    /** Environment of its commands. */
    readonly env: NodeJS.ProcessEnv;
    /** Runs a command of the project. */
    run(...args: string[]): Promise<Run>;
    /** What lies in the temporary folder and which worktrees git knows, beside the checkout itself. */
    leftovers(): Promise<readonly string[]>;
    dispose(): void;
}

/** What no commit has. */
const ignored = new Set(["node_modules", ".git", "build", ".bgp-lab", ".pulumi", "coverage"]);

/** Makes a checkout with one commit of everything. */
export async function newCheckout(): Promise<Checkout> {
    const outer = mkdtempSync(join(tmpdir(), "bgp-lab-checkout-"));
    const [folder, temporary] = [join(outer, "project"), join(outer, "tmp")];
    mkdirSync(temporary);
    cpSync(root, folder, { recursive: true, filter: (source) => !ignored.has(relative(root, source)) });
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, ".gitignore"), "node_modules\nbuild/\n.pulumi/\n.bgp-lab/\n");
    const person = { name: "Somebody", email: "somebody@example.test" };
    const env = {
        ...process.env,
        TMPDIR: temporary,
        GIT_AUTHOR_NAME: person.name,
        GIT_AUTHOR_EMAIL: person.email,
        GIT_COMMITTER_NAME: person.name,
        GIT_COMMITTER_EMAIL: person.email,
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CONFIG_SYSTEM: "/dev/null",
    };
    const path = (file: string) => join(folder, file);
    const checkout: Checkout = {
        folder,
        temporary,
        env,
        async git(...args) {
            const { code, stdout, stderr } = await runProgram("git", args, { cwd: folder, env });
            if (code !== 0) {
                throw new Error(`git ${args.join(" ")}: ${stderr}`);
            }
            return stdout.trim();
        },
        async commit(message) {
            await checkout.git("add", "--all");
            await checkout.git("commit", "--quiet", "--allow-empty", "--message", message);
            return checkout.git("rev-parse", "HEAD");
        },
        write(file, text) {
            writeFileSync(path(file), text);
        },
        edit(file, text, by) {
            const before = readFileSync(path(file), "utf8");
            if (!before.includes(text)) {
                throw new Error(`${file} does not have ${text}`);
            }
            writeFileSync(
                path(file),
                before.replace(text, () => by),
            );
        },
        remove(file) {
            rmSync(path(file));
        },
        run(...args) {
            return runProgram(process.execPath, ["scripts/run.cjs", ...args], { cwd: folder, env });
        },
        async leftovers() {
            const worktrees = existsSync(path(".git/worktrees")) ? readdirSync(path(".git/worktrees")) : [];
            return [...readdirSync(temporary), ...worktrees];
        },
        dispose() {
            rmSync(outer, { recursive: true });
        },
    };
    await checkout.git("init", "--quiet", "--initial-branch=main");
    await checkout.commit("all");
    return checkout;
}
