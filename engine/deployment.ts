import type { StackConfig } from "./config";
import { deleteResources } from "./deletes";
import { engineService } from "./engineService";
import { EngineError, messageOf, Reported } from "./errors";
import type { Observer, Step } from "./events";
import { type Executor, newExecutor, Stopped } from "./executor";
import { componentManager, pluginManager, providerManager } from "./managers";
import { monitorService } from "./monitor";
import { newPlanner, type Planner } from "./planner";
import { type PackChoice, type Policies, startPolicies } from "./policy";
import { type ProgramEnd, startProgram } from "./program";
import { locateProvider, type PluginName, requirePlugins } from "./providers/locate";
import { launchProvider } from "./providers/plugin";
import type { Provider } from "./providers/provider";
import { findProvider, type Launcher, newRegistry, type Registry } from "./providers/registry";
import { refreshAll } from "./refresh";
import { reword } from "./reword";
import { startServer } from "./server";
import { loadState, type Session, stateKeys } from "./session";
import { openWriter, type Snapshot, type SnapshotWriter } from "./snapshot";
import { type ResourceState, stackOutputs } from "./state";
import { isProviderType, providerPackage } from "./urn";
import { makeSecret, type PropertyMap } from "./values";

/** What a run does. */
export interface RunOptions {
    readonly kind: "update" | "refresh" | "destroy";
    /** Only finds out what would be done. */
    readonly preview: boolean;
    /** Reads all resources first. */
    readonly refresh: boolean;
    /** Steps at a time. */
    readonly parallel: number;
    readonly config: StackConfig;
    readonly observer: Observer;
    readonly policyPacks: readonly PackChoice[];
    /** Aborted when the user interrupts: nothing more is begun, what runs may finish. */
    readonly interrupt: AbortSignal;
}

/** How a run ended. */
export interface RunResult {
    readonly succeeded: boolean;
    /** Outputs of the stack before the run; undefined for a stack that had none. */
    readonly before: PropertyMap | undefined;
}

/** What all kinds of runs share. */
interface Run {
    readonly policies: Policies;
    readonly session: Session;
    readonly options: RunOptions;
    readonly executor: Executor;
    readonly registry: Registry;
    readonly base: Snapshot;
}

/** Carries out one run on a stack whose lock the caller holds (unless it is a preview). */
export async function runDeployment(session: Session, options: RunOptions): Promise<RunResult> {
    const { observer, interrupt } = options;
    const executor = newExecutor(options.parallel);
    const onInterrupt = () => executor.stop();
    interrupt.addEventListener("abort", onInterrupt);
    // Decrypting a state takes a key, and that takes time: the program starts meanwhile.
    const loading = loadState(session);
    loading.catch(() => undefined);
    const control = newControl(executor, observer);
    const server = await startServer(
        engineService((diagnostic) => observer.diagnostic(diagnostic)),
        options.kind === "update" ? control.monitor(session, options) : undefined,
    );
    const plugins = launcher(session, server.address, observer);
    const registry = newRegistry(plugins.launch);
    const policies = startPolicies({
        packs: options.kind === "update" ? options.policyPacks : [],
        engineAddress: server.address,
        env: session.env,
        project: session.project.name,
        stack: session.stack,
        preview: options.preview,
        config: options.config,
        observer,
    });
    let start: Started | undefined;
    try {
        start = options.kind === "update" ? control.start(session, options, server.address) : undefined;
        const base = await loading;
        requirePlugins(session.project, pluginsOf(base.resources), session.env);
        warnAboutPending(base, options);
        await policies.ready;
        const run: Run = { session, options, executor, registry, policies, base };
        const before = stackOutputs(base.resources);
        await work(run, control, start);
        if (interrupt.aborted) {
            observer.diagnostic({ severity: "error", message: `${options.kind} canceled` });
        }
        const succeeded = !interrupt.aborted && !control.failed() && !policies.violated;
        return { succeeded, before };
    } finally {
        interrupt.removeEventListener("abort", onInterrupt);
        control.finish();
        start?.kill();
        policies.close();
        await Promise.all([registry.close(), plugins.close()]);
        server.close();
    }
}

async function work(run: Run, control: Control, start: Started | undefined): Promise<void> {
    const { options, executor } = run;
    let writer = open(run, run.base);
    try {
        if (options.refresh || options.kind === "refresh") {
            const resources = await refreshAll(run.base.resources, { ...run, ...options });
            writer = open(run, { ...run.base, resources });
            writer.note({});
            run = { ...run, base: { ...run.base, resources } };
        }
        if (options.kind === "update") {
            await update(run, writer, control, start!);
        } else if (options.kind === "destroy") {
            await destroy(run, writer);
        }
    } catch (error) {
        control.fail();
        if (!(error instanceof Reported) && !(error instanceof Stopped)) {
            options.observer.diagnostic({ severity: "error", message: messageOf(error) });
        }
    }
    executor.stop();
    await executor.idle();
    await writer.close();
    await control.end(start);
}

function open({ session, options }: Run, base: Snapshot): SnapshotWriter {
    return openWriter(base, {
        backend: session.backend,
        project: session.project.name,
        stack: session.stack,
        persist: !options.preview,
        ...(options.preview
            ? { salt: async () => "", crypter: () => Promise.reject(new Error("previews write nothing")) }
            : stateKeys(session, base)),
    });
}

async function update(run: Run, writer: SnapshotWriter, control: Control, start: Started): Promise<void> {
    const { session, options, executor, registry, policies, base } = run;
    const inspections: Promise<void>[] = [];
    const planner = newPlanner({
        project: session.project.name,
        stack: session.stack,
        preview: options.preview,
        base,
        writer,
        registry,
        executor,
        observer: options.observer,
        // A preview makes nothing that a policy would have to stop: it goes on while policies are asked.
        async inspect(state, goal) {
            const inspection = policies.inspect(state, goal);
            inspection.catch(() => undefined);
            inspections.push(inspection);
            await (options.preview ? undefined : inspection);
        },
    });
    control.ready(planner);
    let failed = true;
    try {
        await Promise.race([control.completed, start.failure, executor.whenStopped]);
        if (executor.stopped) {
            throw new Stopped();
        }
        await Promise.all(inspections);
        await planner.removeUnseen();
        await policies.inspectStack(planner.resources());
        failed = false;
    } finally {
        planner.finishOutputs(failed);
    }
}

/** Deletes everything; interrupted creates are dropped with the last of what they depended on. */
async function destroy(run: Run, writer: SnapshotWriter): Promise<void> {
    const { options, executor, registry, base } = run;
    const steps = base.resources.map((old): Step & { old: ResourceState } => {
        const op = old.delete ? "delete-replaced" : old.pendingReplacement ? "remove-pending-replace" : "delete";
        return { op: old.external ? "discard" : op, urn: old.urn, type: old.type, old };
    });
    const deletes = new Set(steps.map(({ urn }) => urn));
    const context = { preview: options.preview, observer: options.observer, writer, deletes };
    await deleteResources(context, executor, steps, async (state) => {
        if (!state.custom) {
            return componentManager;
        }
        if (isProviderType(state.type)) {
            return providerManager(registry, options.preview);
        }
        const provider = findProvider(base.resources, state.provider ?? "");
        if (provider === undefined) {
            throw new Error(`unknown provider '${state.provider}' for resource '${state.urn}'`);
        }
        await registry.same(provider);
        return pluginManager(registry.get(state.provider!)!, options.preview, () => new Uint8Array());
    });
    writer.settleAll();
}

/** The plugins that the resources of a state are looked after by. */
function pluginsOf(resources: readonly ResourceState[]): readonly PluginName[] {
    return resources
        .filter(({ type }) => isProviderType(type))
        .map(({ type, inputs }) => ({
            pkg: providerPackage(type),
            version: typeof inputs.version === "string" ? inputs.version : undefined,
        }));
}

/** Tells of steps that were cut off, and what becomes of them. */
function warnAboutPending({ operations }: Snapshot, { kind, preview, observer }: RunOptions): void {
    if (operations.length === 0 || preview) {
        return;
    }
    const list = operations.map(({ type, resource }) => `  * ${resource.urn}, interrupted while ${type}`).join("\n");
    const meaning = {
        update: "They are done again; providers find what exists.",
        refresh: "Interrupted creates stay pending until the next update.",
        destroy:
            "Interrupted creates are dropped once everything they depend on is deleted; if a provider keeps something " +
            "that no recorded resource covers, it has to be removed by hand.",
    }[kind];
    observer.diagnostic({
        severity: "warning",
        message: `the previous run was cut off during ${operations.length} operation(s):\n${list}\n${meaning}`,
    });
}

/** Starts plugins; one that the project brings along starts with the run, before the program asks for it. */
interface Plugins {
    readonly launch: Launcher;
    /** Ends those that the program did not ask for. */
    close(): Promise<void>;
}

function launcher(session: Session, engineAddress: string, observer: Observer): Plugins {
    const { project, env } = session;
    const start = async (pkg: string, version: string | undefined) => {
        const file = locateProvider(project, pkg, version, env);
        const provider = await launchProvider({
            file,
            engineAddress,
            cwd: project.directory,
            env: { ...env, PULUMI_PROJECT: project.name },
            output: (stream, line) =>
                observer.diagnostic({ severity: stream === "stdout" ? "info" : "info#err", message: line }),
        });
        if (version !== undefined && provider.version !== "" && provider.version.replace(/^v/, "") !== version) {
            const message = `provider ${pkg} ${provider.version} is used where ${version} was asked for (${file})`;
            observer.diagnostic({ severity: "warning", message });
        }
        return provider;
    };
    const early = new Map<string, Promise<Provider>>();
    for (const { name, version } of project.plugins) {
        const provider = Promise.resolve().then(() => start(name, version));
        provider.catch(() => undefined);
        early.set(name, provider);
    }
    return {
        async launch(pkg, version) {
            const ready = early.get(pkg);
            early.delete(pkg);
            return ready ?? start(pkg, version);
        },
        async close() {
            const started = await Promise.allSettled(early.values());
            await Promise.all(started.map((each) => (each.status === "fulfilled" ? each.value.close() : undefined)));
        },
    };
}

/** A program that was started, and a promise that settles only if it ends other than well. */
interface Started {
    readonly ended: Promise<ProgramEnd>;
    readonly failure: Promise<never>;
    kill(): void;
}

/** What connects monitor, program and run. */
interface Control {
    monitor(session: Session, options: RunOptions): ReturnType<typeof monitorService>;
    start(session: Session, options: RunOptions, address: string): Started;
    ready(planner: Planner): void;
    readonly completed: Promise<void>;
    fail(): void;
    failed(): boolean;
    /** Answers open calls. */
    finish(): void;
    /** Lets the program end, and looks at how. */
    end(start: Started | undefined): Promise<void>;
}

/** How long a program may take to end after its last call was answered. */
const programGraceMs = 5000;

function newControl(executor: Executor, observer: Observer): Control {
    let failed = false;
    let complete!: () => void;
    let finish!: () => void;
    let ready!: (planner: Planner) => void;
    const completed = new Promise<void>((resolve) => {
        complete = resolve;
    });
    const finished = new Promise<void>((resolve) => {
        finish = resolve;
    });
    const planner = new Promise<Planner>((resolve) => {
        ready = resolve;
    });
    const fail = () => {
        failed = true;
        executor.stop();
    };
    return {
        monitor: (session, options) =>
            monitorService({
                planner,
                projectDirectory: session.project.directory,
                providerConfig: (pkg) => providerConfig(pkg, options.config),
                finished,
                onComplete: complete,
                onFailure: fail,
                onError: (message) => observer.diagnostic({ severity: "error", message }),
            }),
        start(session, options, address) {
            const program = startProgram({
                project: session.project,
                stack: session.stack,
                address,
                preview: options.preview,
                parallel: options.parallel,
                config: options.config.values,
                secretKeys: options.config.secretKeys,
                env: session.env,
                output: (stream, line) => observer.programOutput(stream, reword(line)),
            });
            const failure = new Promise<never>((_, reject) => {
                void program.ended.then((end) => {
                    if (end.how === "success") {
                        complete();
                    } else {
                        reject(end.how === "reported" ? new Reported() : unhandled(end.message));
                    }
                });
            });
            failure.catch(() => undefined);
            return { ended: program.ended, failure, kill: () => program.kill() };
        },
        ready,
        completed,
        fail,
        failed: () => failed,
        finish,
        async end(start) {
            finish();
            if (start === undefined) {
                return;
            }
            const timer = setTimeout(() => start.kill(), programGraceMs);
            const end = await start.ended;
            clearTimeout(timer);
            if (end.how !== "success" && !failed) {
                fail();
                if (end.how === "failure") {
                    observer.diagnostic({ severity: "error", message: unhandled(end.message).message });
                }
            }
        },
    };
}

function unhandled(message: string): EngineError {
    return new EngineError(`an unhandled error occurred: ${message}`);
}

/** Inputs of a package's default provider: its part of the stack's configuration. */
function providerConfig(pkg: string, config: StackConfig): PropertyMap {
    const properties: PropertyMap = {};
    for (const [key, value] of Object.entries(config.values)) {
        const [namespace, name] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
        if (namespace === pkg) {
            properties[name] = config.secretKeys.includes(key) ? makeSecret(value) : value;
        }
    }
    return properties;
}
