import { randomBytes } from "node:crypto";
import { deleteResources } from "./deletes";
import { applyReplaceOnChanges, type DiffResult, isReplace, simpleDiff } from "./diff";
import { messageOf, Reported } from "./errors";
import type { Observer, Step } from "./events";
import type { Executor } from "./executor";
import { Stopped } from "./executor";
import { type Goal, newState } from "./goal";
import { componentManager, ignoreChangesIn, type Manager, pluginManager, providerManager } from "./managers";
import type { CheckResult, Provider } from "./providers/provider";
import { DiffUnavailable } from "./providers/provider";
import { findProvider, type Registry } from "./providers/registry";
import { dependentReplacements } from "./replacements";
import type { Snapshot, SnapshotWriter } from "./snapshot";
import type { ResourceState } from "./state";
import * as steps from "./steps";
import { createUrn, isProviderType, parseReference, rootStackType, type Urn } from "./urn";
import type { PropertyMap } from "./values";

/** What planning needs to know of the run. */
export interface PlannerOptions {
    readonly project: string;
    readonly stack: string;
    readonly preview: boolean;
    readonly base: Snapshot;
    readonly writer: SnapshotWriter;
    readonly registry: Registry;
    readonly executor: Executor;
    readonly observer: Observer;
    /** Called with each resource once its inputs are checked, before anything is done; policies look at them here. */
    readonly inspect: (state: ResourceState, goal: Goal) => Promise<void>;
}

/** Decides, for each resource that the program registers, what to do, and does it. */
export interface Planner {
    /**
     * Brings one resource about.
     *
     * @returns its state afterwards
     * @throws Reported if a step failed (and was shown), Stopped if the run was stopped first
     */
    register(goal: Goal): Promise<ResourceState>;
    /** Sets the outputs of a component that was registered before; those of the stack are kept back until the end. */
    registerOutputs(urn: Urn, outputs: PropertyMap): void;
    /**
     * Sets the outputs of the stack.
     *
     * @param failed after a failure a missing output does not mean that it was removed, so that old ones stay
     */
    finishOutputs(failed: boolean): void;
    /** All resources that were registered, as they are now. */
    resources(): ResourceState[];
    /** Deletes what is recorded but was not registered. */
    removeUnseen(): Promise<void>;
}

/** Opens a planner over the state of earlier runs. */
export function newPlanner(options: PlannerOptions): Planner {
    const { project, stack, preview, base, writer, registry, executor, observer } = options;
    const olds = new Map(base.resources.filter((state) => !state.delete).map((state) => [state.urn, state]));
    const interrupted = new Set(base.operations.filter(({ type }) => type === "updating").map((op) => op.resource.urn));
    const urns = new Set<Urn>();
    const settled = new Set<Urn>();
    const replaces = new Set<Urn>();
    const deletes = new Set<Urn>();
    const condemned = new Set<ResourceState>();
    const aliased = new Map<Urn, Urn>();
    const news = new Map<Urn, ResourceState>();
    let stackOutputs: { state: ResourceState; outputs: PropertyMap } | undefined;
    const context: steps.StepContext = { preview, observer, writer, deletes };

    function claim(goal: Goal): Urn {
        if (goal.parent !== "" && !urns.has(goal.parent)) {
            throw new Error(`could not find parent resource ${goal.parent}`);
        }
        const urn = createUrn(stack, project, goal.parent, goal.type, goal.name);
        if (urns.has(urn)) {
            throw new Error(`Duplicate resource URN '${urn}'; try giving it a unique name`);
        }
        urns.add(urn);
        return urn;
    }

    /** The resource of earlier runs that a registration continues, under its own URN or a former one. */
    function findOld(urn: Urn, aliases: readonly Urn[]): ResourceState | undefined {
        const former = olds.has(urn) ? urn : aliases.find((alias) => olds.has(alias));
        if (former === undefined || former === urn) {
            return olds.get(urn);
        }
        if (urns.has(former) || aliased.has(former)) {
            throw new Error(`Duplicate resource alias '${former}' applied to resource with URN '${urn}'`);
        }
        aliased.set(former, urn);
        writer.alias(former, urn);
        return olds.get(former);
    }

    function managerOf(state: ResourceState): Manager {
        if (!state.custom) {
            return componentManager;
        }
        if (isProviderType(state.type)) {
            return providerManager(registry, preview);
        }
        const provider = registry.get(state.provider ?? "");
        if (provider === undefined) {
            throw new Error(`unknown provider '${state.provider}' for resource '${state.urn}'`);
        }
        return pluginManager(provider, preview, () => randomBytes(32));
    }

    /** Configures, if that has not happened yet, the provider that a recorded resource was made with. */
    async function ensureProvider(state: ResourceState): Promise<Provider | undefined> {
        if (!state.custom || isProviderType(state.type) || !state.provider) {
            return undefined;
        }
        const running = registry.get(state.provider);
        if (running !== undefined) {
            return running;
        }
        const resource = findProvider(base.resources, state.provider);
        if (resource === undefined) {
            throw new Error(`unknown provider '${state.provider}' for resource '${state.urn}'`);
        }
        await registry.same(resource);
        return registry.get(state.provider);
    }

    async function managerOfOld(state: ResourceState): Promise<Manager> {
        await ensureProvider(state);
        return managerOf(state);
    }

    async function check(
        manager: Manager,
        goal: Goal,
        next: ResourceState,
        old: ResourceState | undefined,
    ): Promise<void> {
        const { inputs, impossible } = ignoreChangesIn(
            goal.properties,
            old?.inputs ?? {},
            old ? goal.ignoreChanges : [],
        );
        if (impossible.length > 0) {
            const message = `cannot ignore changes in added or removed elements of the path: "${impossible.join(", ")}"`;
            observer.diagnostic({ severity: "info", urn: next.urn, message });
        }
        const result = await manager.check(next, old?.inputs ?? {}, old ? inputs : goal.properties);
        report(next, result);
        next.inputs = result.inputs;
    }

    function report(next: ResourceState, { failures }: CheckResult): void {
        for (const { property, reason } of failures) {
            const problem =
                property === "" ? `a problem: ${reason}` : `a problem with property "${property}": ${reason}`;
            const message = `${next.type} resource '${next.urn.split("::").slice(3).join("::")}' has ${problem}`;
            observer.diagnostic({ severity: "error", urn: next.urn, message });
        }
        if (failures.length > 0) {
            throw new Reported();
        }
    }

    async function difference(
        manager: Manager,
        goal: Goal,
        old: ResourceState,
        next: ResourceState,
    ): Promise<DiffResult> {
        if (goal.deletedWith !== "" && replaces.has(goal.deletedWith)) {
            return simpleDiff("some", ["deletedWith"]);
        }
        if (await providerChanged(old, next)) {
            return simpleDiff("some", ["provider"]);
        }
        try {
            return await manager.diff({ ...old, urn: next.urn }, next.inputs, goal.ignoreChanges);
        } catch (error) {
            if (!(error instanceof DiffUnavailable)) {
                throw error;
            }
            observer.diagnostic({ severity: "warning", urn: next.urn, message: error.message });
            return simpleDiff("some");
        }
    }

    /** Another provider means a replacement, unless the new one says that it can go on with what the old one made. */
    async function providerChanged(old: ResourceState, next: ResourceState): Promise<boolean> {
        const [before, after] = [old.provider ?? "", next.provider ?? ""];
        if (before === after) {
            return false;
        }
        if (before === "" || after === "") {
            return true;
        }
        const [oldReference, newReference] = [parseReference(before), parseReference(after)];
        if (aliased.get(oldReference.urn) === newReference.urn) {
            return false;
        }
        const [oldProvider, newProvider] = [olds.get(oldReference.urn), news.get(newReference.urn)];
        const provider = registry.get(after);
        if (oldProvider === undefined || newProvider === undefined || provider === undefined) {
            throw new Error(`failed to resolve provider reference: "${after}"`);
        }
        const recorded = { inputs: oldProvider.inputs, outputs: oldProvider.outputs ?? {} };
        return isReplace(await provider.diffConfig(newReference.urn, recorded, newProvider.inputs));
    }

    async function register(goal: Goal): Promise<ResourceState> {
        const urn = claim(goal);
        const old = findOld(urn, goal.aliases);
        const next = newState(goal, urn, old);
        const manager = managerOf(next);
        const recreating = deletes.has(urn);
        await check(manager, goal, next, recreating || old?.external ? undefined : old);
        await options.inspect(next, goal);
        const diff =
            old === undefined || recreating || old.external ? undefined : await difference(manager, goal, old, next);
        await act(goal, manager, old, next, diff);
        news.set(urn, next);
        return next;
    }

    async function act(
        goal: Goal,
        manager: Manager,
        old: ResourceState | undefined,
        next: ResourceState,
        diff: DiffResult | undefined,
    ): Promise<void> {
        const { urn, type } = next;
        if (old === undefined) {
            settled.add(urn);
            return executor.run(() => steps.create(context, manager, { op: "create", urn, type, new: next }, false));
        }
        // The question may have been answered while this resource was compared: what it needs is being replaced.
        if (deletes.has(urn) || deletes.has(old.urn)) {
            deletes.delete(urn);
            deletes.delete(old.urn);
            markReplaced(urn);
            return executor.run(() => recreate(manager, old, next, simpleDiff("some")));
        }
        if (old.external || diff === undefined) {
            markReplaced(urn);
            return executor.run(() => createFirst(manager, old, next, simpleDiff("some")));
        }
        const broken = old.initErrors.length > 0 || interrupted.has(old.urn);
        const effective = applyReplaceOnChanges(diff, goal.replaceOnChanges, old.initErrors.length > 0);
        if (old.pendingReplacement || (effective.changes === "some" && isReplace(effective))) {
            return replace(goal, manager, old, next, effective);
        }
        settled.add(urn);
        if (effective.changes === "some" || broken) {
            const step = { op: "update", urn, type, old, new: next, diff: effective } as const;
            return executor.run(() => steps.update(context, manager, step));
        }
        if (executor.stopped) {
            throw new Stopped();
        }
        const configure = async () =>
            isProviderType(type) ? registry.same({ ...next, inputs: old.inputs }) : undefined;
        return steps.same(context, { op: "same", urn, type, old, new: next }, configure);
    }

    function markReplaced(urn: Urn): void {
        settled.add(urn);
        replaces.add(urn);
    }

    async function replace(
        goal: Goal,
        manager: Manager,
        old: ResourceState,
        next: ResourceState,
        diff: DiffResult,
    ): Promise<void> {
        if (next.protect && old.protect) {
            const message =
                `unable to replace resource "${next.urn}"\nas it is currently marked for protection. To unprotect the ` +
                "resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`";
            observer.diagnostic({ severity: "error", urn: next.urn, message });
            throw new Reported();
        }
        markReplaced(next.urn);
        // Defaults of the old resource do not carry over to a new one.
        await check(manager, goal, next, undefined);
        const before = goal.deleteBeforeReplace ?? diff.deleteBeforeReplace;
        return before
            ? deleteFirst(manager, old, next, diff)
            : executor.run(() => createFirst(manager, old, next, diff));
    }

    /** Creates the new resource now; the old one is deleted at the end of the run. */
    async function createFirst(
        manager: Manager,
        old: ResourceState,
        next: ResourceState,
        diff: DiffResult,
    ): Promise<void> {
        const { urn, type } = next;
        await steps.create(context, manager, { op: "create-replacement", urn, type, old, new: next, diff }, true);
        logical({ op: "replace", urn, type, old, new: next, diff });
    }

    /** Deletes what would have to be replaced with the old resource, then the old one, then creates the new one. */
    async function deleteFirst(
        manager: Manager,
        old: ResourceState,
        next: ResourceState,
        diff: DiffResult,
    ): Promise<void> {
        const registered = new Set([...olds.keys()].filter((urn) => settled.has(current(urn))));
        const dependent = await dependentReplacements(old, {
            resources: base.resources,
            registered,
            registry,
            ensureProvider,
        });
        // Asking takes time, in which others may have been registered, or been given up for another replacement.
        const doomed = dependent.filter((state) => !settled.has(current(state.urn)) && !condemned.has(state));
        const guarded = doomed.find(({ protect }) => protect);
        if (guarded !== undefined) {
            const message =
                `unable to replace resource "${guarded.urn}" as part of replacing "${next.urn}" as it is currently marked ` +
                "for protection. To unprotect the resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`";
            observer.diagnostic({ severity: "error", urn: next.urn, message });
            throw new Reported();
        }
        for (const state of doomed) {
            condemned.add(state);
            deletes.add(state.urn);
        }
        await executor.run(async () => {
            for (const state of [...doomed.reverse(), ...(old.pendingReplacement ? [] : [old])]) {
                const step = { op: "delete-replaced", urn: state.urn, type: state.type, old: state } as const;
                await steps.remove(context, () => managerOfOld(state), step, true);
            }
            await recreate(manager, old, next, diff);
        });
    }

    async function recreate(
        manager: Manager,
        old: ResourceState,
        next: ResourceState,
        diff: DiffResult,
    ): Promise<void> {
        const { urn, type } = next;
        logical({ op: "replace", urn, type, old, new: next, diff });
        await steps.create(context, manager, { op: "create-replacement", urn, type, old, new: next, diff }, false);
    }

    /** A step that only tells what others do together. */
    function logical(step: Step): void {
        observer.stepStarted(step);
        observer.stepEnded(step, false);
    }

    function current(urn: Urn): Urn {
        return aliased.get(urn) ?? urn;
    }

    async function removeUnseen(): Promise<void> {
        const recorded = new Set(base.resources);
        const unseen = writer
            .resources()
            .filter((state) => recorded.has(state))
            .filter((state) => state.delete || !settled.has(current(state.urn)))
            .map((old): Step & { old: ResourceState } => {
                const op = old.delete
                    ? "delete-replaced"
                    : old.pendingReplacement
                      ? "remove-pending-replace"
                      : "delete";
                return { op: old.external ? "discard" : op, urn: old.urn, type: old.type, old };
            });
        for (const { urn } of unseen) {
            deletes.add(urn);
        }
        await deleteResources(context, executor, unseen, managerOfOld);
    }

    function setOutputs(state: ResourceState, outputs: PropertyMap): void {
        state.outputs = outputs;
        writer.note({ changed: state });
        observer.outputs(state, outputs);
    }

    return {
        async register(goal) {
            try {
                return await register(goal);
            } catch (error) {
                if (!(error instanceof Stopped) && !(error instanceof Reported)) {
                    const urn = createUrn(stack, project, goal.parent, goal.type, goal.name);
                    observer.diagnostic({ severity: "error", urn, message: messageOf(error) });
                    throw new Reported();
                }
                throw error;
            }
        },
        registerOutputs(urn, outputs) {
            const state = news.get(urn);
            if (state === undefined || state.custom) {
                throw new Error(`cannot complete a resource '${urn}' whose registration isn't pending`);
            }
            if (state.type === rootStackType) {
                stackOutputs = { state, outputs };
            } else {
                setOutputs(state, outputs);
            }
        },
        finishOutputs(failed) {
            if (stackOutputs !== undefined) {
                const { state, outputs } = stackOutputs;
                setOutputs(state, failed ? { ...olds.get(state.urn)?.outputs, ...outputs } : outputs);
            }
        },
        resources: () => [...news.values()],
        removeUnseen,
    };
}
