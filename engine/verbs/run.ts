import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { type Arguments, parallelOf } from "../arguments";
import { resolveConfig, type StackConfig } from "../config";
import { type RunOptions, type RunResult, runDeployment } from "../deployment";
import { type Display, newDisplay } from "../display/display";
import { newJsonDisplay } from "../display/json";
import { EngineError, exitCode, Reported, unsupported } from "../errors";
import type { Interrupts } from "../interrupts";
import { acquireLock } from "../lock";
import type { PackChoice } from "../policy";
import { readPassphrase } from "../secrets";
import { defaultParallel, openSession, type Session } from "../session";
import type { Context } from "./context";

/** Which of the four runs this is, and what goes before it. */
export interface RunPlan {
    readonly kind: RunOptions["kind"];
    /** False for `preview`, which only looks. */
    readonly changes: boolean;
    /** Question before changes are made. */
    readonly question: string;
}

/** Carries out preview, up, refresh or destroy as its flags say. */
export async function run(plan: RunPlan, args: Arguments, context: Context): Promise<void> {
    if (args.positional.length > 0) {
        throw unsupported(`the argument "${args.positional.join(" ")}" (a run takes flags only)`);
    }
    const session = openSession(
        { stack: args.value("stack"), configFile: args.value("config-file") },
        context.cwd,
        context.env,
    );
    const shared: Shared = {
        args,
        context,
        session,
        // Only the program reads it: a stack can be refreshed and destroyed whatever its configuration has become.
        config:
            plan.kind === "update"
                ? await resolveConfig(session.project, session.stack, session.stackFile, session.keyring)
                : { values: {}, secretKeys: [] },
    };
    if (!plan.changes) {
        await previewOnly(plan, shared);
        return;
    }
    if (args.flag("json")) {
        throw unsupported(`--json for ${plan.kind} (for preview it is)`);
    }
    const unattended = args.flag("yes") || args.flag("skip-preview");
    if (!unattended && !context.interactive) {
        throw new EngineError(
            "--yes or --skip-preview must be passed in to proceed when running in non-interactive mode",
            exitCode.configuration,
        );
    }
    // Told now rather than by the first step that cannot be recorded.
    readPassphrase(context.env);
    const lock = acquireLock(session.backend.lockDirectory(session.project.name, session.stack));
    try {
        for (const message of lock.takenOver) {
            context.stderr(`warning: ${message}`);
        }
        if (!args.flag("skip-preview")) {
            await once(plan, shared, true);
            await confirm(plan, shared);
        }
        await once(plan, shared, false);
    } finally {
        lock.release();
    }
}

interface Shared {
    readonly args: Arguments;
    readonly context: Context;
    readonly session: Session;
    readonly config: StackConfig;
}

async function previewOnly(plan: RunPlan, shared: Shared): Promise<void> {
    if (!shared.args.flag("json")) {
        await once(plan, shared, true);
        return;
    }
    const display = newJsonDisplay(shared.context.stdout);
    const result = await deploy(plan, shared, true, display);
    display.finish(shared.config);
    conclude(result, display, shared.args);
}

/** One run with the display for people. */
async function once(plan: RunPlan, shared: Shared, preview: boolean): Promise<void> {
    const { session, args, context } = shared;
    const display = newDisplay({
        project: session.project.name,
        stack: session.stack,
        kind: plan.kind,
        preview,
        diff: args.flag("diff"),
        stdout: context.stdout,
    });
    const began = Date.now();
    const result = await deploy(plan, shared, preview, display);
    display.finish(result.before, Date.now() - began);
    conclude(result, display, args);
}

async function deploy(
    { kind }: RunPlan,
    { session, args, config, context }: Shared,
    preview: boolean,
    observer: RunOptions["observer"],
): Promise<RunResult> {
    const interrupts: Interrupts = context.interrupts;
    return runDeployment(session, {
        kind,
        preview,
        refresh: args.flag("refresh"),
        parallel: parallelOf(args, defaultParallel()),
        config,
        observer,
        policyPacks: policyPacks(args, context.cwd),
        interrupt: interrupts.signal,
    });
}

/**
 * Policy packs and their configurations, each in the order given, several separated by commas.
 *
 * @throws EngineError unless there is a configuration for every pack or for none
 */
function policyPacks(args: Arguments, cwd: string): PackChoice[] {
    const folders = args.list("policy-pack").map((folder) => resolve(cwd, folder));
    const files = args.list("policy-pack-config").map((file) => resolve(cwd, file));
    if (files.length > 0 && folders.length === 0) {
        throw new EngineError('"--policy-pack-config" must be specified with "--policy-pack"');
    }
    if (files.length > 0 && files.length !== folders.length) {
        throw new EngineError(
            'the number of "--policy-pack-config" flags must match the number of "--policy-pack" flags',
        );
    }
    return folders.map((folder, at) => (files.length === 0 ? { folder } : { folder, configFile: files[at] }));
}

function conclude({ succeeded }: RunResult, { tally }: Pick<Display, "tally">, args: Arguments): void {
    if (!succeeded) {
        throw new Reported();
    }
    if (args.flag("expect-no-changes") && tally.hasChanges()) {
        throw new EngineError("no changes were expected but changes were proposed", exitCode.changesUnexpected);
    }
}

/** Asks on a terminal, unless the user has said yes beforehand. */
async function confirm({ question }: RunPlan, { args, context, session }: Shared): Promise<void> {
    if (args.flag("yes")) {
        return;
    }
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await terminal.question(`${question} (${session.stack}) [yes/no]: `);
    terminal.close();
    context.stdout.write("\n");
    if (!/^y(es)?$/i.test(answer.trim())) {
        throw new EngineError("confirmation declined, not proceeding", exitCode.cancelled);
    }
}
