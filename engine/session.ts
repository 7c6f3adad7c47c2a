import { cpus } from "node:os";
import type { Backend } from "./backend";
import { openBackend, readCheckpoint, requireStack } from "./backend";
import { openStackFile, type StackFile } from "./config";
import { EngineError, exitCode } from "./errors";
import { loadProject, type Project } from "./project";
import { type Crypter, type Keyring, newKeyring } from "./secrets";
import { loadSnapshot, type Snapshot } from "./snapshot";
import { selectedStack } from "./workspace";

/** A stack of a project, with everything needed to work on it. */
export interface Session {
    readonly project: Project;
    readonly backend: Backend;
    readonly stack: string;
    readonly stackFile: StackFile;
    readonly keyring: Keyring;
    readonly env: NodeJS.ProcessEnv;
}

/** Opens the project of a directory and its backend. */
export function openProject(cwd: string, env: NodeJS.ProcessEnv): { project: Project; backend: Backend } {
    const project = loadProject(cwd);
    return { project, backend: openBackend(env, project.backendUrl, cwd) };
}

/**
 * Opens a stack: the one named, or else the one selected.
 *
 * @throws EngineError if there is neither, or no such stack
 */
export function openSession(
    flags: { readonly stack?: string; readonly configFile?: string },
    cwd: string,
    env: NodeJS.ProcessEnv,
): Session {
    const { project, backend } = openProject(cwd, env);
    const stack = stackName(flags.stack || env.PULUMI_STACK || selectedStack(project, env), project);
    requireStack(backend, project.name, stack);
    return {
        project,
        backend,
        stack,
        stackFile: openStackFile(project, stack, flags.configFile),
        keyring: newKeyring(env),
        env,
    };
}

/** Accepts the qualified forms of a stack's name as long as they mean this project. */
export function stackName(name: string | undefined, project: Project): string {
    if (name === undefined || name === "") {
        throw new EngineError(
            "no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one, or name one with --stack",
            exitCode.stackNotFound,
        );
    }
    const parts = name.split("/");
    const [stack, owner, organization] = [...parts].reverse();
    if (
        parts.length > 3 ||
        (owner !== undefined && owner !== project.name) ||
        (organization ?? "organization") !== "organization"
    ) {
        throw new EngineError(
            `stack ${name} is not of this project: expected ${project.name}/<stack> or <stack>`,
            exitCode.configuration,
        );
    }
    return stack!;
}

/** The stack's state as it is now. */
export async function loadState({ backend, project, stack, keyring }: Session): Promise<Snapshot> {
    return loadSnapshot(readCheckpoint(backend, project.name, stack), keyring);
}

/** Keys for writing a state: that of the stack file if it has one, else that of the state, else a new one. */
export function stateKeys(
    session: Session,
    snapshot: Snapshot,
): { salt: () => Promise<string>; crypter: () => Promise<Crypter> } {
    const known = session.stackFile.salt ?? snapshot.salt;
    if (known !== undefined) {
        return { salt: async () => known, crypter: () => session.keyring.open(known) };
    }
    const made = session.keyring.create();
    // A passphrase that is missing is told when it is needed.
    made.catch(() => undefined);
    return { salt: async () => (await made).salt, crypter: () => made };
}

/** How many steps run at a time unless the user says otherwise: the CLI's own default. */
export function defaultParallel(): number {
    return cpus().length * 4;
}
